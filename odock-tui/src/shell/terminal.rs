//! The terminal is taken once and given back exactly once, whatever happens: the end, a panic, a signal, a suspension.

use std::io::{BufWriter, Stdout, Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use odock_tui::model::Model;
use odock_tui::view::view;
use ratatui::Terminal;
use ratatui::backend::{Backend as _, CrosstermBackend};
use tokio::sync::Notify;

/// Whether the terminal is ours. Global, because a panic anywhere has to know.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, while it is ours. Dropping it gives it back.
pub(crate) struct Guard {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Guard {
    /// Takes the terminal.
    pub(crate) fn take() -> std::io::Result<Self> {
        take()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, stdout()));
        match Terminal::new(backend) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Its size in columns and rows.
    pub(crate) fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((80, 24), |size| (size.width, size.height))
    }

    /// Draws the model. Terminals that know synchronised updates show the picture at once, the others as it comes.
    pub(crate) fn draw(&mut self, model: &Model) -> std::io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(|frame| view(model, frame)).map(|_| ());
        // Also after a failure: a terminal that waits for the end shows nothing.
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        drawn
    }

    /// Forgets what is on the screen, so that everything is drawn again.
    pub(crate) fn forget(&mut self) -> std::io::Result<()> {
        self.terminal.clear()
    }

    /// Writes something that is not part of the picture.
    pub(crate) fn raw(&mut self) -> &mut impl Write {
        self.terminal.backend_mut()
    }

    /// Gives the terminal back, stops this process until it is continued, and takes the terminal again.
    pub(crate) fn suspend(&mut self) -> std::io::Result<()> {
        give_back();
        // SIGTSTP is caught so that it comes here; only SIGSTOP really stops.
        signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)?;
        self.resume()
    }

    /// Takes the terminal again after somebody else had it.
    pub(crate) fn resume(&mut self) -> std::io::Result<()> {
        take()?;
        self.terminal.backend_mut().clear()?;
        self.forget()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> std::io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide).inspect_err(|_| give_back())
}

/// Undoes everything that was done to the terminal. Does nothing the second time, and does as much as it can.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(stdout(), EndSynchronizedUpdate, DisableBracketedPaste, Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// A panic on any thread, tasks included, gives the terminal back, is told where it can be read, and ends the program:
/// the runtime would swallow a task's panic while the picture goes on without it.
pub(crate) fn on_panic() -> Arc<Notify> {
    let notify = Arc::new(Notify::new());
    let told = Arc::clone(&notify);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        give_back();
        before(info);
        told.notify_one();
    }));
    notify
}
