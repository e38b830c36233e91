//! Forms with files, as uploads come (`multipart/form-data`, RFC 7578).

use std::borrow::Cow;

use memchr::memmem;

/// The parts of a form, in order.
#[derive(Debug)]
pub(crate) struct Form<'a>(Vec<Part<'a>>);

/// One field or file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    pub(crate) file_name: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Form<'a> {
    /// Reads a body of this content type, or says what is wrong with it.
    pub(crate) fn parse(content_type: &str, body: &'a [u8]) -> Result<Self, String> {
        let boundary = boundary(content_type)
            .ok_or("The request must be of type multipart/form-data and name the boundary of its parts.")?;
        let delimiter = format!("--{boundary}");
        let mut rest = body.strip_prefix(delimiter.as_bytes()).ok_or("The form does not begin with its boundary.")?;
        let next = format!("\r\n{delimiter}");
        let mut parts = Vec::new();
        while !rest.starts_with(b"--") {
            let part = rest.strip_prefix(b"\r\n").ok_or("A boundary of the form does not end its line.")?;
            let end = memmem::find(part, next.as_bytes()).ok_or("The form ends without its last boundary.")?;
            parts.push(Part::parse(&part[..end])?);
            rest = &part[end + next.len()..];
        }
        Ok(Self(parts))
    }

    /// The text of a field.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.part(name).map(|part| String::from_utf8_lossy(part.bytes))
    }

    /// A file that the request cannot do without; a list of one is written `name[]`.
    pub(crate) fn file(&self, name: &str) -> Result<&Part<'a>, String> {
        let part = self.part(name).or_else(|| self.part(&format!("{name}[]")));
        part.filter(|part| part.file_name.is_some()).ok_or_else(|| crate::request::missing(name))
    }

    fn part(&self, name: &str) -> Option<&Part<'a>> {
        self.0.iter().find(|part| part.name == name)
    }
}

impl<'a> Part<'a> {
    fn parse(part: &'a [u8]) -> Result<Self, String> {
        let end = memmem::find(part, b"\r\n\r\n").ok_or("A part of the form has no end of its headers.")?;
        let headers = std::str::from_utf8(&part[..end]).map_err(|_| "The headers of a part are not text.")?;
        let disposition = headers.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let disposition = disposition.ok_or("A part of the form has no Content-Disposition.")?;
        let name = attribute(disposition, "name").ok_or("A part of the form has no name.")?;
        Ok(Self { name, file_name: attribute(disposition, "filename"), bytes: &part[end + 4..] })
    }
}

/// The boundary that a content type names.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, attributes) = content_type.split_once(';')?;
    kind.trim().eq_ignore_ascii_case("multipart/form-data").then(|| attribute(attributes, "boundary"))?
}

/// The value of an attribute of a header, without its quotes.
fn attribute<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"b\"";

    #[test]
    fn fields_and_files_are_told_apart() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
            --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
            \x00\r\n--\xff\r\n--b--\r\n";
        let form = Form::parse(TYPE, body).unwrap();
        assert_eq!(form.text("model").unwrap(), "whisper-1");
        assert_eq!(form.file("file").unwrap().bytes, b"\x00\r\n--\xff");
        assert_eq!(form.file("model").unwrap_err(), "Missing required parameter: 'model'.");
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        assert!(Form::parse("application/json", b"{}").unwrap_err().contains("multipart/form-data"));
        for body in [&b""[..], b"--b", b"--b\r\n", b"--b\r\n\r\n\r\n--b--", b"--b\r\nX: y\r\n\r\n1\r\n--b--", b"--bx--"]
        {
            assert!(Form::parse(TYPE, body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
}
