//! The real gateway, as its demo: with a simulated provider, a sample organisation and traffic.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use entity::Money;
use entity::resource::{Budget, BudgetSpec, Owner};
use entity::vocab::{Enforcement, OwnerType, Period};
use odock_client::http::OrganisationApi;
use odock_client::{Client, ClientError};
use secrecy::SecretString;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Demo {
    program: PathBuf,
    dir: TempDir,
    port: u16,
    child: Child,
}

impl Demo {
    /// Starts the demo, if the program has been built; says so if not.
    pub fn start() -> Option<Self> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_odock-tui")).with_file_name("odock-gateway");
        if !program.is_file() {
            eprintln!(
                "SKIPPED: {} has not been built, so this did not run against the real gateway",
                program.display()
            );
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(&program, &["demo"], &dir, port);
        let mut demo = Self { program, dir, port, child };
        let end = Instant::now() + PATIENCE;
        while !demo.token_file().exists() {
            let ended = demo.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "the demo did not start: {ended:?}\n{}", demo.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(demo)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("said")).unwrap_or_default()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn token_file(&self) -> PathBuf {
        self.dir.path().join("data/admin-token")
    }

    /// What a test does to acme besides the dashboard.
    fn administer<T>(&self, act: impl AsyncFnOnce(OrganisationApi) -> Result<T, ClientError>) -> T {
        let token = std::fs::read_to_string(self.token_file()).unwrap();
        let url = self.url().parse().unwrap();
        let client = Client::builder(url).token(SecretString::from(token.trim().to_owned())).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(act(client.organisation("acme"))).unwrap()
    }

    /// Caps what acme spends in a day of Paris.
    pub fn budget(&self, name: &str, nanos: i64) {
        let spec = BudgetSpec {
            owner: Owner { r#type: OwnerType::Org, name: None },
            period: Period::Daily,
            start: None,
            end: None,
            timezone: "Europe/Paris".to_owned(),
            amount_usd: Money::from_nanos(nanos).unwrap(),
            rollover: false,
            thresholds: BTreeSet::from([50, 90]),
            enforcement: Enforcement::Hard,
            active: true,
        };
        self.administer(async |acme| acme.create::<Budget>(name, spec).await);
    }

    /// Lowers a budget to so many USD.
    pub fn lower(&self, name: &str, usd: &str) {
        let patch = serde_json::json!({ "amountUsd": usd });
        self.administer(async |acme| acme.patch::<Budget>(name, &patch, None).await);
    }

    /// Kills it without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the gateway on the same data, without the demo's traffic.
    pub fn serve(&mut self) {
        self.child = spawn(&self.program, &["serve"], &self.dir, self.port);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &PathBuf, arguments: &[&str], dir: &TempDir, port: u16) -> Child {
    let said = std::fs::File::create(dir.path().join("said")).unwrap();
    Command::new(program)
        .args(arguments)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--data-dir"])
        .arg(dir.path().join("data"))
        // Nothing of the developer's own gateway.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap()
}
