//! The sealing key in the data directory: made once, readable by nobody else.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::LoadError;

/// The file's name in the data directory.
const FILE: &str = "sealing-key.pem";

/// Reads the key file, if there is one.
pub(super) fn load(data_dir: &Path) -> Result<Option<PrivateDecryptingKey>, LoadError> {
    match read(&data_dir.join(FILE)) {
        Err(LoadError::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Reads the key file, or makes one. Of several processes that start at once, all end up with the same key.
pub(super) fn load_or_create(data_dir: &Path) -> Result<PrivateDecryptingKey, LoadError> {
    if let Some(key) = load(data_dir)? {
        return Ok(key);
    }
    let path = data_dir.join(FILE);
    create_dir(data_dir)?;
    let key = PrivateDecryptingKey::generate(KeySize::Rsa3072).map_err(|_| LoadError::Crypto("make an RSA key"))?;
    if publish(data_dir, &path, &pem(&key)?)? {
        tracing::info!(path = %path.display(), "Made a sealing key; back it up, for sealed secrets are lost without it");
        return Ok(key);
    }
    read(&path)
}

fn file_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> LoadError {
    let path = path.display().to_string();
    move |source| LoadError::File { path, doing, source }
}

fn read(path: &Path) -> Result<PrivateDecryptingKey, LoadError> {
    let pem = Zeroizing::new(fs::read(path).map_err(file_error(path, "cannot be read"))?);
    let mode = fs::metadata(path).map_err(file_error(path, "cannot be read"))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "The sealing key was readable by others; its mode is now 0600");
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(file_error(path, "is readable by others and cannot be protected"))?;
    }
    let refused = || LoadError::NotAKey { path: path.display().to_string() };
    let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| refused())?;
    let key = PrivateDecryptingKey::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| refused())?;
    if key.key_size_bits() < 2_048 {
        return Err(refused());
    }
    Ok(key)
}

fn create_dir(data_dir: &Path) -> Result<(), LoadError> {
    if data_dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(file_error(data_dir, "has no directory and it cannot be made"))
}

/// Puts the file in place whole or not at all; false when somebody else was first.
fn publish(data_dir: &Path, path: &Path, pem: &str) -> Result<bool, LoadError> {
    let draft = data_dir.join(format!(".{FILE}.{}", uuid::Uuid::new_v4()));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    };
    // A link, unlike a rename, refuses to replace what is there.
    let linked = write().and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(file_error(path, "cannot be written")(error)),
        Ok(()) => {
            removed.map_err(file_error(&draft, "left a draft that cannot be removed"))?;
            fs::File::open(data_dir)
                .and_then(|dir| dir.sync_all())
                .map_err(file_error(path, "cannot be made durable"))?;
            Ok(true)
        }
    }
}

fn pem(key: &PrivateDecryptingKey) -> Result<Zeroizing<String>, LoadError> {
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| LoadError::Crypto("encode the private key"))?;
    let base64 = Zeroizing::new(STANDARD.encode(der.as_ref()));
    let mut pem = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 64));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in base64.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn processes_that_start_at_once_share_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/b");
        let public = |key: PrivateDecryptingKey| {
            let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
            der.as_ref().to_vec()
        };
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| public(load_or_create(&data).unwrap()))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft stays behind");

        fs::set_permissions(data.join(FILE), Permissions::from_mode(0o644)).unwrap();
        assert_eq!(public(load_or_create(&data).unwrap()), keys[0]);
        assert_eq!(mode(&data.join(FILE)), 0o600, "a key that others could read is protected again");
    }

    #[test]
    fn a_damaged_key_is_named_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
        let error = load_or_create(dir.path()).unwrap_err();
        assert!(matches!(error, LoadError::NotAKey { .. }), "{error}");
        assert!(fs::read_to_string(&path).unwrap().contains("AAAA"));
    }
}
