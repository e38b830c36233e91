//! A terminal: a tmux server of our own, with an interactive shell in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(40);

/// Whether there is no tmux; says so.
pub fn skip() -> bool {
    let missing = Command::new("tmux").arg("-V").output().is_err();
    if missing {
        eprintln!("SKIPPED: tmux is not installed, so the terminal tests did not run");
    }
    missing
}

pub struct Tmux {
    dir: TempDir,
}

impl Tmux {
    /// A terminal of a size.
    pub fn start(columns: u16, rows: u16) -> Self {
        let tmux = Self { dir: tempfile::tempdir().unwrap() };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        // tmux needs a UTF-8 locale to keep our glyphs, and the shell must not bring settings of its own.
        tmux.tmux(&[
            "-u",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            "env PS1='$ ' LC_ALL=C.UTF-8 bash --norc -i",
        ]);
        tmux.type_line("stty -g > before");
        tmux.wait_for("the shell", || tmux.dir.path().join("before").metadata().is_ok_and(|meta| meta.len() > 0));
        tmux
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(self.socket())
            .args(["-f", "/dev/null"])
            .args(arguments)
            .current_dir(self.dir.path())
            .env_remove("TMUX")
            .output()
            .unwrap();
        assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Starts the dashboard on a gateway.
    pub fn run(&self, url: &str, arguments: &str) {
        self.run_with("", url, arguments);
    }

    /// Starts the dashboard with more environment.
    pub fn run_with(&self, environment: &str, url: &str, arguments: &str) {
        let environment =
            format!("{environment} ODOCK_TOKEN=odock-pat-test ODOCK_CLI_CONFIG={}", self.path("none").display());
        self.start_program(&environment, &format!("--url {url} --organisation acme {arguments}"));
    }

    /// Starts the dashboard with a configuration file and nothing else.
    pub fn run_configured(&self, config: &str, arguments: &str) {
        std::fs::write(self.path("config.toml"), config).unwrap();
        let environment =
            format!("ODOCK_TEST_TOKEN=odock-pat-test ODOCK_CLI_CONFIG={}", self.path("config.toml").display());
        self.start_program(&environment, arguments);
    }

    fn start_program(&self, environment: &str, arguments: &str) {
        let program = env!("CARGO_BIN_EXE_odock-tui");
        let script = self.path("run.sh");
        let text = format!("echo $$ > pid\nexport RUST_BACKTRACE=0 {environment}\nexec '{program}' {arguments}\n");
        std::fs::write(&script, text).unwrap();
        let _ = std::fs::remove_file(self.path("pid"));
        self.tmux(&["send-keys", "-l", "clear; bash ./run.sh; echo exit=$?"]);
        self.tmux(&["clear-history"]);
        self.tmux(&["send-keys", "Enter"]);
        self.wait_for("the program", || self.path("pid").exists());
    }

    /// Types a line into the shell.
    pub fn type_line(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// Presses keys: names of tmux, or text.
    pub fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.tmux(&["send-keys", key]);
            // tmux joins an escape with what follows at once into one key.
            if *key == "Escape" {
                std::thread::sleep(Duration::from_millis(60));
            }
        }
    }

    /// Sends a signal to the dashboard.
    pub fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.path("pid")).unwrap();
        let status = Command::new("kill").args(["-s", name, pid.trim()]).status().unwrap();
        assert!(status.success());
    }

    /// Lets programs put text into tmux's own clipboard.
    pub fn allow_clipboard(&self) {
        self.tmux(&["set-option", "-s", "set-clipboard", "on"]);
    }

    /// Waits until tmux's clipboard holds a text.
    pub fn wait_clipboard(&self, text: &str) {
        let held = || {
            let output = Command::new("tmux").arg("-S").arg(self.socket()).args(["show-buffer"]).output().unwrap();
            String::from_utf8_lossy(&output.stdout) == text
        };
        self.wait_for(&format!("`{text}` on the clipboard"), held);
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// What the terminal shows.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    /// What the terminal shows, with its colours.
    pub fn styled(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p", "-e"]).stdout).into_owned()
    }

    pub fn wait(&self, text: &str) {
        self.wait_for(text, || self.screen().contains(text));
    }

    pub fn wait_gone(&self, text: &str) {
        self.wait_for(&format!("no {text}"), || !self.screen().contains(text));
    }

    fn wait_for(&self, what: &str, done: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < end, "waited in vain for {what}:\n{}", self.screen());
            std::thread::sleep(PAUSE);
        }
    }

    /// The terminal is as it was before: its settings, its screen, its cursor, its modes.
    pub fn assert_restored(&self) {
        let after = self.path("after");
        let _ = std::fs::remove_file(&after);
        self.type_line("stty -g > after");
        self.wait_for("the shell", || after.metadata().is_ok_and(|meta| meta.len() > 0));
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&self.path("before")), read(&after), "stty");
        let format = "#{alternate_on} #{cursor_flag} #{mouse_any_flag}";
        let modes = String::from_utf8_lossy(&self.tmux(&["display-message", "-p", format]).stdout).into_owned();
        assert_eq!(modes.trim(), "0 1 0", "alternate screen, cursor, mouse");
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // Only this server, by its own socket.
        let _ = Command::new("tmux").arg("-S").arg(self.socket()).arg("kill-server").output();
    }
}
