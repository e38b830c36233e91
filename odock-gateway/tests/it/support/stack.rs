//! A database and a hot store of the test's own.

use odock_gateway::config::{self, Config, DatabaseUrl, RedisUrl};
use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;

/// The stores of one test; gone when dropped.
pub(crate) struct Stack {
    dir: TempDir,
    servers: Option<Servers>,
}

struct Servers {
    admin_url: String,
    database: String,
    redis_url: String,
    prefix: String,
}

impl Stack {
    /// Fresh stores of the kind that the environment asks for.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let servers = match std::env::var("ODOCK_TEST_STACK").as_deref() {
            Ok("servers") => Some(Servers::new().await),
            _ => None,
        };
        Self { dir, servers }
    }

    /// Whether several gateways can share these stores.
    pub(crate) fn is_shared(&self) -> bool {
        self.servers.is_some()
    }

    /// The configuration of a gateway on these stores. Each `node` has a data directory of its own.
    pub(crate) fn config(&self, node: &str) -> Config {
        let mut config = Config::for_tests(self.dir.path().join(node));
        config.usage.flush_interval = std::time::Duration::from_millis(10);
        if let Some(servers) = &self.servers {
            let base = servers.admin_url.rsplit_once('/').unwrap().0;
            config.database.url = DatabaseUrl::parse(&format!("{base}/{}", servers.database)).unwrap();
            config.database.max_open = 5;
            config.database.max_idle = 0;
            config.redis = Some(config::Redis {
                url: RedisUrl::parse(&servers.redis_url).unwrap(),
                connections: 1,
                dial_timeout: std::time::Duration::from_secs(5),
                command_timeout: std::time::Duration::from_secs(2),
                key_prefix: servers.prefix.clone(),
            });
            config.cache.invalidation_channel = format!("{}:invalidation", servers.prefix);
        }
        config
    }
}

impl Stack {
    /// The same for a gateway that is a process of its own, told by the environment. It shares the sealing key of the node
    /// `a`, which must have been started before.
    pub(crate) fn environment(&self, node: &str) -> Vec<(String, String)> {
        let dir = self.dir.path().join(node);
        self.share_sealing_key(node);
        let mut env = vec![("ODOCK_DATA_DIR".to_owned(), dir.display().to_string())];
        if let Some(servers) = &self.servers {
            let base = servers.admin_url.rsplit_once('/').unwrap().0;
            env.push(("DATABASE_URL".into(), format!("{base}/{}", servers.database)));
            env.push(("REDIS_URL".into(), servers.redis_url.clone()));
            env.push(("REDIS_KEY_PREFIX".into(), servers.prefix.clone()));
            env.push(("CACHE_INVALIDATION_CHANNEL".into(), format!("{}:invalidation", servers.prefix)));
        }
        env
    }

    /// Gives `node` the sealing key of the node `a`.
    pub(crate) fn share_sealing_key(&self, node: &str) {
        let (from, to) = (self.dir.path().join("a"), self.dir.path().join(node));
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.contains("seal") && path.is_file() && node != "a" {
                std::fs::copy(&path, to.join(name)).unwrap();
            }
        }
    }
}

impl Servers {
    async fn new() -> Self {
        let env = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let admin_url = env("ODOCK_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres");
        let redis_url = env("ODOCK_TEST_REDIS_URL", "redis://127.0.0.1:6379");
        let name = format!("odock_test_{}", uuid::Uuid::new_v4().simple());
        let admin = Database::connect(&admin_url).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        Self { admin_url, database: name.clone(), redis_url, prefix: name }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let (admin_url, redis_url) = (self.admin_url.clone(), self.redis_url.clone());
        let (database, prefix) = (self.database.clone(), self.prefix.clone());
        // A destructor cannot await, and the test's own runtime may be ending: clean up on another.
        let cleaner = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let admin = Database::connect(&admin_url).await.unwrap();
                admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await.unwrap();
                let mut redis =
                    redis::Client::open(redis_url).unwrap().get_multiplexed_async_connection().await.unwrap();
                let keys: Vec<String> =
                    redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(&mut redis).await.unwrap();
                if !keys.is_empty() {
                    redis::cmd("DEL").arg(keys).query_async::<()>(&mut redis).await.unwrap();
                }
            });
        });
        let _ = cleaner.join();
    }
}
