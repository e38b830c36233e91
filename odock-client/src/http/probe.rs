//! One look at a gateway: who answers, how fast, what its clock says and what its certificate is.

use std::time::Duration;

use bytes::Bytes;
use entity::Timestamp;
use entity::session::Version;
use reqwest::header::DATE;
use reqwest::tls::TlsInfo;
use tokio::time::Instant;

use super::{Client, ClientError, Path, Request};

/// What a look at a gateway finds.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What the gateway is.
    pub version: Version,
    /// How long the answer took, the connection included.
    pub took: Duration,
    /// What the gateway's clock said, to the second, if it said so.
    pub clock: Option<Timestamp>,
    /// The certificate that the gateway showed (DER), if the connection is encrypted.
    pub certificate: Option<Bytes>,
}

impl Client {
    /// Looks at the gateway. Needs no token.
    ///
    /// # Errors
    /// It cannot be reached, or something else answers.
    pub async fn probe(&self) -> Result<Probe, ClientError> {
        let begun = Instant::now();
        let request = Request::new(self, reqwest::Method::GET, &Path::fixed("api/version"));
        let (response, answer) = self.look(request).await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(Probe {
            took: begun.elapsed(),
            clock: header(DATE).and_then(http_date),
            certificate: response
                .extensions()
                .get::<TlsInfo>()
                .and_then(|info| info.peer_certificate().map(Bytes::copy_from_slice)),
            version: answer.json()?,
        })
    }
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); the two older forms are obsolete.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day = words.next()?;
    let word = words.next()?;
    let month = MONTHS.iter().position(|month| *month == word)? + 1;
    let (year, time) = (words.next()?, words.next()?);
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), "1994-11-06T08:49:37Z".parse().ok());
        for wrong in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov", "Sun, 06 Foo 1994 08:49:37 GMT"] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
    }
}
