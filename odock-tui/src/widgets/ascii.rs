//! For terminals without Unicode: every glyph that the dashboard draws itself has a plain counterpart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Replaces the dashboard's own glyphs in `area`. Names that people gave to things stay as they are.
pub fn fold(buffer: &mut Buffer, area: Rect) {
    for position in area.positions() {
        let cell = &mut buffer[position];
        if let Some(plain) = counterpart(cell.symbol()) {
            cell.set_symbol(plain);
        }
    }
}

fn counterpart(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "●" => "*",
        "▲" => "!",
        "✖" => "x",
        "◌" => "o",
        "◆" => "+",
        "↑" | "▴" => "^",
        "↓" | "▾" => "v",
        "→" | "›" | "▸" | "▌" => ">",
        "…" => "~",
        "·" => ".",
        "×" => "x",
        "−" | "–" | "—" | "─" | "━" => "-",
        "µ" => "u",
        "│" | "┃" | "╎" => "|",
        "▒" => "=",
        "░" => "-",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" | "╭" | "╮" | "╰" | "╯" => "+",
        "▁" => "_",
        "▂" => ".",
        "▃" => ":",
        "▄" => "-",
        "▅" => "=",
        "▆" => "+",
        "▇" => "*",
        "█" => "#",
        _ => return None,
    })
}
