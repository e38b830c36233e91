//! The terminal is taken once and given back exactly once, whatever happens: the end, a panic, a signal, a suspension.

use std::io::{BufWriter, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

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
use ratatui::backend::CrosstermBackend;
use tokio::sync::Notify;

/// Whether the terminal is ours. Global, because a panic anywhere has to know.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Held while a picture is written: a panic in a task must not give the terminal back in the middle of one, nor may one
/// be written afterwards.
static WRITING: Mutex<()> = Mutex::new(());
/// How long a panic waits for the picture: for ever would be too long if it is the picture that panicked.
const PICTURE: Duration = Duration::from_millis(200);

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
        let _writing = WRITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(|frame| view(model, frame)).map(|_| ());
        // Also after a failure: a terminal that waits for the end shows nothing.
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        drawn
    }

    /// Forgets what is on the screen, so that everything is drawn again.
    pub(crate) fn forget(&mut self) -> std::io::Result<()> {
        // Not `clear`: it asks the terminal where the cursor is, and the answer would go to whoever reads the keys.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
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
    let _writing = between_pictures();
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(stdout(), EndSynchronizedUpdate, DisableBracketedPaste, Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// Waits until no picture is being written, but not for long.
fn between_pictures() -> Option<MutexGuard<'static, ()>> {
    let end = Instant::now() + PICTURE;
    loop {
        match WRITING.try_lock() {
            Ok(guard) => return Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(1))
            }
            Err(std::sync::TryLockError::WouldBlock) => return None,
        }
    }
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

/// Panics where a test wants it: only the real program can show that it gives the terminal back.
#[cfg(debug_assertions)]
pub(crate) fn panic_on_demand() {
    match std::env::var("ODOCK_TUI_TEST_PANIC").as_deref() {
        Ok("main") => panic!("a panic was asked for"),
        Ok("task") => drop(tokio::spawn(async { panic!("a panic was asked for") })),
        _ => {}
    }
}
