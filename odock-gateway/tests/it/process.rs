//! The real program: killed, told to stop, and without its stores.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use entity::row::{ledger_lease, usage_record};
use entity::vocab::{Metric, Outcome, ProviderType};
use futures_util::StreamExt;
use odock_gateway::config::Config;
use odock_gateway::gateway::Gateway;
use odock_gateway::store::Database;
use odock_sim::{Script, Sim};
use sea_orm::EntityTrait;
use tempfile::TempDir;

use crate::support::{Fleet, NewModel, chat, eventually, stream};

/// A gateway process on a data directory with one organisation, whose key may call the model `fast`.
struct Process {
    dir: TempDir,
    sim: Sim,
    http: reqwest::Client,
    secret: String,
    port: u16,
    child: Child,
}

impl Process {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (dir, sim) = (tempfile::tempdir().unwrap(), Sim::start().await);
        // The rows are made before the process is there, for the journal belongs to one of them at a time.
        let gateway = Gateway::start(Config::for_tests(dir.path())).await.unwrap();
        let fleet = Fleet::new(&gateway, ProviderType::OpenAi, Some(sim.base_url())).await;
        fleet.model(NewModel::named("fast")).await;
        fleet.quota("all", Metric::Requests, 1_000_000).await;
        let secret = fleet.secret.clone();
        gateway.stop(Duration::from_secs(5)).await;
        drop((fleet, gateway));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(&dir, port);
        let process =
            Self { dir, sim, http: reqwest::Client::builder().no_proxy().build().unwrap(), secret, port, child };
        process.wait().await;
        process
    }

    async fn wait(&self) {
        eventually("the gateway to answer", || async {
            self.http.get(self.url("/v1/health")).send().await.ok().filter(|answer| answer.status() == 200).map(drop)
        })
        .await;
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn call(&self, body: &serde_json::Value) -> reqwest::Result<reqwest::Response> {
        self.http.post(self.url("/v1/chat/completions")).bearer_auth(&self.secret).json(body).send().await
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Writes odock.toml, and tells the process to read it.
    fn reload(&self, toml: &str) {
        std::fs::write(self.dir.path().join("odock.toml"), toml).unwrap();
        self.signal("-HUP");
    }

    /// How many lines of the log hold all of these.
    fn logged(&self, words: &[&str]) -> usize {
        let log = std::fs::read_to_string(self.dir.path().join("gateway.log")).unwrap();
        log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }

    async fn start_again(&mut self) {
        let _ = self.child.wait();
        self.child = spawn(&self.dir, self.port);
        self.wait().await;
    }

    /// Waits until nothing is on lease any more, and sees that the books agree with the records.
    async fn books_are_right(&self) {
        let database = Database::connect(&Config::for_tests(self.dir.path()).database).await.unwrap();
        eventually("every lease to be given back", || async {
            let leases = ledger_lease::Entity::find().all(database.reader()).await.unwrap();
            leases.is_empty().then_some(())
        })
        .await;
        let verified = odock_gateway::store::ledger::verify(&database, None, None).await.unwrap();
        assert_eq!(verified.differences, []);
        assert_eq!(verified.windows, 1);
        database.close().await;
    }

    /// How many records each request has.
    async fn records(&self) -> HashMap<String, Vec<usage_record::Model>> {
        let database = Database::connect(&Config::for_tests(self.dir.path()).database).await.unwrap();
        let mut found: HashMap<String, Vec<usage_record::Model>> = HashMap::new();
        for row in usage_record::Entity::find().all(database.reader()).await.unwrap() {
            found.entry(row.request_id.clone()).or_default().push(row);
        }
        database.close().await;
        found
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &TempDir, port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_odock-gateway"))
        .arg("serve")
        .env_clear()
        .env("ODOCK_DATA_DIR", dir.path())
        .env("HTTP_PORT", port.to_string())
        .current_dir(dir.path())
        .stdout(std::fs::File::options().create(true).append(true).open(dir.path().join("gateway.log")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn id(answer: &reqwest::Response) -> String {
    answer.headers()["x-request-id"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn after_a_kill_every_request_that_got_an_answer_has_one_record() {
    let mut process = Process::start().await;
    let mut answered = Vec::new();
    for round in 0..3 {
        // A stream that is cut in the middle, and traffic at the moment of the kill.
        process.sim.enqueue(Script::default().chunks(20).stall_after(3));
        let cut = process.call(&stream("fast")).await.unwrap();
        answered.push(id(&cut));
        let mut cut = cut.bytes_stream();
        cut.next().await.unwrap().unwrap();
        let (unary, streamed) = (chat("fast"), stream("fast"));
        let traffic = async {
            let calls = (0..40).map(|n| process.call(if n % 2 == 0 { &unary } else { &streamed }));
            let mut calls: futures_util::stream::FuturesUnordered<_> = calls.collect();
            let mut ids = Vec::new();
            while let Some(answer) = calls.next().await {
                // The head is an answer: from then on there must be a record, whatever became of the rest.
                ids.extend(answer.iter().filter(|answer| answer.status() == 200).map(id));
                if ids.len() == 10 {
                    process.signal("-KILL");
                }
            }
            ids
        };
        let ids = traffic.await;
        assert!(ids.len() >= 10, "round {round} killed nothing");
        answered.extend(ids);
        process.start_again().await;
    }
    let records = eventually("all records", || async {
        Some(process.records().await).filter(|records| answered.iter().all(|id| records.contains_key(id)))
    })
    .await;
    for id in &answered {
        assert_eq!(records[id].len(), 1, "{id}");
    }
    assert!(
        records.values().flatten().any(|row| row.outcome == Outcome::Failed && row.stream),
        "the cut streams are on record as failed"
    );
    process.books_are_right().await;
}

#[tokio::test]
async fn told_to_stop_it_finishes_the_streams_and_leaves_no_record_behind() {
    let mut process = Process::start().await;
    process.sim.enqueue(Script::default().chunks(20).chunk_delay(Duration::from_millis(50)));
    let answer = process.call(&stream("fast")).await.unwrap();
    let id = id(&answer);
    let mut body = answer.bytes_stream();
    let mut text = body.next().await.unwrap().unwrap().to_vec();
    process.signal("-TERM");
    while let Some(piece) = body.next().await {
        text.extend_from_slice(&piece.unwrap());
    }
    assert!(text.ends_with(b"data: [DONE]\n\n"), "the stream was not finished");
    let status = tokio::task::spawn_blocking({
        let mut child = std::mem::replace(&mut process.child, Command::new("true").spawn().unwrap());
        move || child.wait().unwrap()
    });
    assert!(status.await.unwrap().success());
    let records = process.records().await;
    assert_eq!(
        (records[&id].len(), records[&id][0].outcome),
        (1, Outcome::Ok),
        "it is in the database before the process ends"
    );
}

#[tokio::test]
async fn a_hangup_takes_over_limits_and_log_level_and_a_bad_file_changes_nothing() {
    let process = Process::start().await;
    let status = async || process.call(&chat("fast")).await.unwrap().status().as_u16();
    assert_eq!((status().await, status().await), (200, 200));
    process.reload("[limits]\nglobal_policy = '{\"ratelimit\":{\"requests\":{\"per_minute\":1}}}'\n");
    eventually("the new limit to hold", || async { (status().await == 429).then_some(()) }).await;
    assert_eq!(process.logged(&["read anew", "limits.global_policy changed"]), 1);
    // Everything that is wrong is said, and what runs goes on.
    process.reload("[limits]\nglobal_policy = 'nonsense'\nfailure_mode = \"never\"\n");
    let wrong = ["is wrong", "limits.global_policy", "limits.failure_mode", "odock.toml"];
    eventually("the mistakes to be named", || async { (process.logged(&wrong) == 1).then_some(()) }).await;
    assert_eq!(status().await, 429);
    // What cannot change is named, and the rest changes: there is no limit any more, and less is logged.
    process.reload("[http]\nidle_timeout = \"30s\"\n[log]\nlevel = \"error\"\n");
    eventually("the restart to be asked for", || async {
        (process.logged(&["a restart is needed", "http.idle_timeout"]) == 1).then_some(())
    })
    .await;
    eventually("the limit to be gone", || async { (status().await == 200).then_some(()) }).await;
    let told = process.logged(&["read anew"]);
    process.reload("[log]\nlevel = \"error\"\n");
    // Signals that come too fast are one.
    tokio::time::sleep(Duration::from_millis(500)).await;
    process.reload("[log]\nlevel = \"loud\"\n");
    eventually("an error to be logged at this level too", || async {
        (process.logged(&["is wrong", "log.level"]) == 1).then_some(())
    })
    .await;
    assert_eq!(process.logged(&["read anew", "changed"]), told - 1, "information is not logged at this level");
    assert_eq!(status().await, 200);
}
