//! Passwords: Argon2id, a few at a time, so that signing in cannot take the machine.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use entity::row::PasswordHash;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OnceCell, Semaphore};

/// The fewest characters of a password.
pub const LEAST: usize = 12;
/// The most.
pub const MOST: usize = 1_024;

/// KiB of memory, passes, lanes: the second of OWASP's equivalent choices for Argon2id (Password Storage Cheat Sheet).
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Passwords that are worked on at once: 38 MiB of memory, and no more than that many processors.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Too many passwords are being worked on.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many passwords are being checked at once")]
pub struct Busy;

/// Hashes and compares passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// What is compared with where there is no password, so that it takes as long.
    dummy: Arc<OnceCell<PasswordHash>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), dummy: Arc::default() }
    }
}

impl Passwords {
    /// What is wrong with a new password, if anything.
    #[must_use]
    pub fn objection(password: &str, email: &str) -> Option<&'static str> {
        let length = password.chars().count();
        let (lower, email) = (password.to_lowercase(), email.to_lowercase());
        let local = email.split('@').next().unwrap_or_default();
        if length < LEAST {
            return Some("must have at least 12 characters");
        }
        if length > MOST {
            return Some("must have at most 1024 characters");
        }
        if lower.contains(&email) || (local.chars().count() >= 5 && lower.contains(local)) {
            return Some("must not contain the e-mail address or what stands before its @");
        }
        let first = password.chars().next();
        if password.chars().all(|c| Some(c) == first) {
            return Some("must not be one character over and over");
        }
        None
    }

    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// There was no turn in time.
    pub async fn hash(&self, password: SecretString) -> Result<PasswordHash, Busy> {
        self.work(move || {
            let hashed = argon2().hash_password(password.expose_secret().as_bytes());
            hashed.map(|hash: phc::PasswordHash| PasswordHash(hash.to_string()))
        })
        .await?
        .map_err(|error| {
            tracing::error!(%error, "Could not hash a password");
            Busy
        })
    }

    /// Whether a password is the one that was hashed. Without a hash it is not, which takes as long to find out.
    ///
    /// # Errors
    /// There was no turn in time.
    pub async fn verify(&self, hash: Option<PasswordHash>, password: SecretString) -> Result<bool, Busy> {
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self.dummy.get_or_try_init(|| self.hash("nobody's password".into())).await?.clone(),
        };
        let same = self
            .work(move || {
                let parsed = phc::PasswordHash::new(&hash.0);
                parsed.is_ok_and(|hash| argon2().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(known && same)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, even if nobody waits for it any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_and_its_hash_says_how_it_was_made() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert_ne!(hash, passwords.hash("correct horse battery".into()).await.unwrap(), "each has its own salt");
        assert!(passwords.verify(Some(hash.clone()), "correct horse battery".into()).await.unwrap());
        assert!(!passwords.verify(Some(hash.clone()), "correct horse batterz".into()).await.unwrap());
        assert!(!passwords.verify(None, "nobody's password".into()).await.unwrap());
        assert!(!passwords.verify(Some(PasswordHash("$garbage".into())), "x".into()).await.unwrap());
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }

    #[tokio::test]
    async fn nobody_is_as_slow_as_somebody() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        passwords.verify(None, "warm".into()).await.unwrap();
        let mut spent = [Duration::ZERO; 2];
        for _ in 0..5 {
            for (index, hash) in [Some(hash.clone()), None].into_iter().enumerate() {
                let started = std::time::Instant::now();
                passwords.verify(hash, "wrong".into()).await.unwrap();
                spent[index] += started.elapsed();
            }
        }
        let ratio = spent[1].as_secs_f64() / spent[0].as_secs_f64();
        assert!((0.4..2.5).contains(&ratio), "an unknown user took {ratio} times as long");
    }

    #[test]
    fn weak_passwords_are_refused() {
        let objection = |password: &str| Passwords::objection(password, "ada.lovelace@example.com");
        assert_eq!(objection("correct horse battery"), None);
        assert_eq!(objection(&"é1".repeat(64)), None, "128 characters and more are welcome");
        assert_eq!(objection(&"x y".repeat(341)), None);
        for weak in [
            "short",
            "elevenchars",
            &"ab".repeat(513),
            "ADA.lovelace@example.com!",
            "my-ada.lovelace-pw",
            &"a".repeat(20),
        ] {
            assert!(objection(weak).is_some(), "{weak}");
        }
    }
}
