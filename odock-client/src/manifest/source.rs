//! Finds and reads the files.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Place, code};
use super::node::Lines;
use super::plain;

/// How many bytes a file may have.
pub(super) const BYTES: usize = 10 * 1024 * 1024;
/// How deep directories are searched.
const DIRECTORIES: usize = 32;

/// Where manifests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, a directory, or a pattern with `*` and `?`.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A text that the program has, and what to call it.
    Text {
        /// What diagnostics call it. The extension says the format.
        name: String,
        /// The text.
        text: String,
    },
}

impl Source {
    /// What an argument of `-f` means: `-` is standard input.
    #[must_use]
    pub fn parse(argument: &str) -> Self {
        if argument == "-" { Self::Stdin } else { Self::Path(argument.into()) }
    }
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
    Toml,
}

impl Format {
    fn of_name(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "toml" => Self::Toml,
            _ => return None,
        })
    }

    /// Guesses from the first line that says something.
    fn of_text(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = lines.next().unwrap_or_default();
        let is_toml = |line: &str| {
            let header = line.strip_prefix('[').map(|rest| rest.trim_start_matches('['));
            let named =
                header.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.contains(']'));
            named
                || line
                    .split_once('=')
                    .is_some_and(|(key, _)| key.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        };
        if first.starts_with('{') || (first.starts_with('[') && !is_toml(first)) {
            Self::Json
        } else if is_toml(first) {
            Self::Toml
        } else {
            Self::Yaml
        }
    }
}

/// A text that was read.
pub(super) struct Input {
    pub(super) name: String,
    /// Where relative paths in it start.
    pub(super) directory: PathBuf,
    pub(super) format: Format,
    pub(super) text: String,
}

/// Reads all sources in order; directories recursively and sorted, every file once.
pub(super) fn read(sources: &[Source]) -> (Vec<Input>, Vec<Diagnostic>) {
    let (mut inputs, mut found) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for source in sources {
        let result = match source {
            Source::Text { name, text } => {
                input(name.clone(), PathBuf::new(), text.as_bytes().to_vec()).map(|input| inputs.push(input))
            }
            Source::Stdin if !seen.insert(PathBuf::from("-")) => {
                Err(whole("<stdin>", code::UNREADABLE, "standard input is named twice"))
            }
            Source::Stdin => bounded("<stdin>", io::stdin().lock())
                .and_then(|bytes| input("<stdin>".into(), PathBuf::new(), bytes))
                .map(|input| inputs.push(input)),
            Source::Path(path) => match files(path) {
                Ok(files) => {
                    for file in files {
                        let identity = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
                        if seen.insert(identity) {
                            match read_file(&file) {
                                Ok(input) => inputs.push(input),
                                Err(diagnostic) => found.push(diagnostic),
                            }
                        }
                    }
                    Ok(())
                }
                Err(diagnostic) => Err(diagnostic),
            },
        };
        found.extend(result.err());
    }
    (inputs, found)
}

fn whole(file: &str, code: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(file, Place::default(), code, message)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    whole(&path.display().to_string(), code::UNREADABLE, why)
}

/// The files that a path means.
fn files(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let mut files = Vec::new();
            search(path, DIRECTORIES, &mut BTreeSet::new(), &mut files)?;
            if files.is_empty() {
                let message = "holds no manifests: files that end in .yaml, .yml, .json or .toml and do not begin with `.` or `_`";
                return Err(whole(&path.display().to_string(), code::EMPTY, message));
            }
            Ok(files)
        }
        Ok(_) => Ok(vec![path.to_owned()]),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_pattern(path) => {
            let files = matching(path)?;
            if files.is_empty() {
                return Err(whole(&path.display().to_string(), code::UNREADABLE, "matches no file"));
            }
            Ok(files)
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let entries = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>());
    let mut entries = entries.map_err(|error| unreadable(directory, &error))?;
    entries.sort();
    Ok(entries)
}

fn search(
    directory: &Path,
    depth: usize,
    visited: &mut BTreeSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> Result<(), Diagnostic> {
    let identity = fs::canonicalize(directory).map_err(|error| unreadable(directory, &error))?;
    if depth == 0 || !visited.insert(identity) {
        return Ok(());
    }
    for path in entries(directory)? {
        let hidden = path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with(['.', '_']));
        if hidden {
            continue;
        }
        // A link that leads nowhere is an error rather than a manifest that silently is not applied.
        let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if metadata.is_dir() {
            search(&path, depth - 1, visited, files)?;
        } else if Format::of_name(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?'])
}

/// The files that a pattern matches, for shells that do not expand it.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        let wanted = part.to_string_lossy();
        if !is_pattern(Path::new(part)) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next = Vec::new();
        for directory in found {
            let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            for entry in entries(listed).unwrap_or_default() {
                let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if !name.starts_with('.') && matches(&wanted, &name) {
                    next.push(directory.join(name));
                }
            }
        }
        found = next;
    }
    let mut all = Vec::new();
    for path in found.into_iter().filter(|path| path.exists()) {
        all.extend(files(&path)?);
    }
    Ok(all)
}

/// Whether a name matches a pattern of `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((back, taken)) => {
                    star = Some((back, taken + 1));
                    (p, n) = (back + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn read_file(path: &Path) -> Result<Input, Diagnostic> {
    let file = plain::open(path).map_err(|error| unreadable(path, &error))?;
    let name = path.display().to_string();
    let bytes = bounded(&name, file)?;
    input(name, path.parent().unwrap_or(Path::new("")).to_owned(), bytes)
}

/// Reads no more than is allowed, whatever the file says about its size.
fn bounded(name: &str, from: impl io::Read) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(BYTES + 1).unwrap_or(u64::MAX);
    from.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(Path::new(name), &error))?;
    if bytes.len() > BYTES {
        return Err(whole(name, code::TOO_LARGE, format!("has more than {} MiB", BYTES / 1024 / 1024)));
    }
    Ok(bytes)
}

fn input(name: String, directory: PathBuf, bytes: Vec<u8>) -> Result<Input, Diagnostic> {
    if bytes.len() > BYTES {
        return Err(whole(&name, code::TOO_LARGE, format!("has more than {} MiB", BYTES / 1024 / 1024)));
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Diagnostic::new(&name, Place::START, code::SYNTAX, "is UTF-16; manifests are UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        Diagnostic::new(&name, Lines::of(&text).place(good), code::SYNTAX, "is not UTF-8 from here on")
    })?;
    let text = text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text);
    let control = |c: &(usize, char)| c.1.is_ascii_control() && !matches!(c.1, '\t' | '\n' | '\r');
    if let Some((at, c)) = text.char_indices().find(control) {
        let message = format!("holds the control character U+{:04X}", u32::from(c));
        return Err(Diagnostic::new(&name, Lines::of(&text).place(at), code::SYNTAX, message));
    }
    let format = Format::of_name(Path::new(&name)).unwrap_or_else(|| Format::of_text(&text));
    Ok(Input { name, directory, format, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        for (pattern, name) in
            [("*.yaml", "a.yaml"), ("*", ""), ("a?c", "abc"), ("*a*b*", "xxayybzz"), ("é*", "été"), ("**", "x")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.yaml", "a.yml"), ("a?c", "ac"), ("?", ""), ("*a", "ab"), ("a", "aa")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(10_000).replace("aa", "ab")), "no exponential time");
    }

    #[test]
    fn formats_are_guessed() {
        assert_eq!(Format::of_text("\n# x\n[[resources]]\n"), Format::Toml);
        assert_eq!(Format::of_text("kind = \"Team\""), Format::Toml);
        assert_eq!(Format::of_text("[metadata]\n"), Format::Toml);
        assert_eq!(Format::of_text(" [{\"kind\": 1}]"), Format::Json);
        assert_eq!(Format::of_text("[]"), Format::Json);
        assert_eq!(Format::of_text("{\n"), Format::Json);
        assert_eq!(Format::of_text("---\nkind: Team\nx: a=b"), Format::Yaml);
        assert_eq!(Format::of_text(""), Format::Yaml);
    }

    #[test]
    fn directories_are_read_in_order_without_what_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for path in [
            "b.yaml",
            "a/z.yml",
            "a/_draft.yaml",
            ".git/x.yaml",
            "_old/x.yaml",
            "c.toml",
            "README.md",
            "d.JSON",
            ".hidden.yaml",
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x: 1").unwrap();
        }
        let names = |sources: &[Source]| {
            let (inputs, found) = read(sources);
            assert!(found.is_empty(), "{found:?}");
            inputs
                .into_iter()
                .map(|input| Path::new(&input.name).strip_prefix(root).unwrap().display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&[Source::Path(root.into())]), ["a/z.yml", "b.yaml", "c.toml", "d.JSON"]);
        assert_eq!(
            names(&[Source::Path(root.join("c.toml")), Source::Path(root.into())]),
            ["c.toml", "a/z.yml", "b.yaml", "d.JSON"]
        );
        assert_eq!(names(&[Source::Path(root.join("*.y*ml"))]), ["b.yaml"]);
        assert_eq!(names(&[Source::Path(root.join("*/z.yml"))]), ["a/z.yml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_links_to_itself_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.yaml"), "x: 1").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
        assert_eq!(read(&[Source::Path(dir.path().into())]).0.len(), 1);
        std::os::unix::fs::symlink("/nowhere", dir.path().join("b.yaml")).unwrap();
        assert!(read(&[Source::Path(dir.path().into())]).1[0].message.contains("does not exist"));
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let check = |bytes: &[u8]| {
            input("x".into(), PathBuf::new(), bytes.to_vec()).err().map(|d| (d.line, d.column, d.message))
        };
        assert_eq!(check(b"\xEF\xBB\xBFx: 1"), None);
        assert_eq!(check(b"a: 1\nb: \0").unwrap(), (2, 4, "holds the control character U+0000".into()));
        assert_eq!(check(b"a: \xC3\xA9\nb: \xFF").unwrap(), (2, 4, "is not UTF-8 from here on".into()));
        assert!(check(b"\xFF\xFEx\0").unwrap().2.contains("UTF-16"));
        assert!(check(&vec![b' '; BYTES + 1]).unwrap().2.contains("10 MiB"));
    }
}
