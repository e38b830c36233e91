//! Where a provider's endpoints are, and which addresses are never called.

mod models;

use std::net::IpAddr;

use entity::resource::ProviderConfig;
use entity::vocab::ProviderType;
use http::Uri;
use url::{Host, Url};

/// A provider's base address, checked.
#[derive(Clone, Debug)]
pub struct Address(Url);

/// Why an address is not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not an absolute http or https URL without credentials, query and fragment.
    #[error("the base URL must be an http or https URL without credentials, query or fragment")]
    Malformed,
    /// It points at link-local space, where clouds keep their instance metadata.
    #[error("the base URL points at a link-local or metadata address")]
    LinkLocal,
}

impl Address {
    /// Checks a base URL.
    ///
    /// # Errors
    /// When it is not usable, or link-local and that is not allowed.
    pub fn parse(text: &str, allow_link_local: bool) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim_end_matches('/')).map_err(|_| AddressError::Malformed)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(AddressError::Malformed);
        }
        let forbidden = match url.host() {
            Some(Host::Ipv4(ip)) => is_link_local(ip.into()),
            Some(Host::Ipv6(ip)) => is_link_local(ip.into()),
            Some(Host::Domain(name)) => is_metadata_name(name),
            None => return Err(AddressError::Malformed),
        };
        if forbidden && !allow_link_local {
            return Err(AddressError::LinkLocal);
        }
        Ok(Self(url))
    }

    /// The URL of a path below `version`, unless the base ends in a version of its own.
    #[must_use]
    pub fn versioned<'s>(&self, version: &'s str, path: impl IntoIterator<Item = &'s str>) -> Option<Uri> {
        let own = (!self.ends_in(is_version)).then_some(version);
        below(&self.0, own.into_iter().chain(path))?.as_str().parse().ok()
    }

    /// The URL of an endpoint such as `chat/completions`.
    ///
    /// A base that ends in a version (`/v1`) gets the endpoint behind it, any other gets `/v1` first; Azure OpenAI has
    /// paths of its own.
    #[must_use]
    pub fn endpoint(&self, provider: ProviderType, config: &ProviderConfig, slug: &str, endpoint: &str) -> Option<Uri> {
        if provider == ProviderType::AzureOpenAi {
            return self.azure(config.api_version.as_deref(), slug, endpoint);
        }
        self.versioned("v1", endpoint.split('/'))
    }

    /// The URL of an endpoint that stands beside the version, such as vLLM's `tokenize`.
    #[must_use]
    pub fn beside_version(&self, endpoint: &str) -> Option<Uri> {
        let mut url = self.0.clone();
        if self.ends_in(is_version) {
            url.path_segments_mut().ok()?.pop_if_empty().pop();
        }
        below(&url, endpoint.split('/'))?.as_str().parse().ok()
    }

    /// Azure OpenAI's paths name the deployment when the provider pins a dated `api-version`, and are `/openai/v1/…`
    /// otherwise (Azure OpenAI reference, "API version lifecycle"). Responses and the list of models have no deployment in
    /// their path.
    fn azure(&self, version: Option<&str>, slug: &str, endpoint: &str) -> Option<Uri> {
        let is_dated = version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
        let mut segments = Vec::with_capacity(5);
        if !self.ends_in(is_version) {
            segments.extend((!self.ends_in(|last| last == "openai")).then_some("openai"));
            match (is_dated, endpoint) {
                (false, _) => segments.push("v1"),
                (true, "responses" | "models") => {}
                (true, _) => segments.extend(["deployments", slug]),
            }
        }
        let mut url = below(&self.0, segments.into_iter().chain(endpoint.split('/')))?;
        if let Some(version) = version {
            url.query_pairs_mut().append_pair("api-version", version);
        }
        url.as_str().parse().ok()
    }

    /// Whether the last part of the path is such a one.
    fn ends_in(&self, is: impl Fn(&str) -> bool) -> bool {
        self.0.path_segments().and_then(|path| path.rev().find(|part| !part.is_empty())).is_some_and(is)
    }
}

/// A URL below another.
fn below<'s>(base: &Url, segments: impl Iterator<Item = &'s str>) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url)
}

/// The address with `query` behind what it has of one.
#[must_use]
pub fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let joint = if uri.query().is_some() { '&' } else { '?' };
    format!("{uri}{joint}{query}").parse().ok()
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether an address is link-local, or one where a cloud answers metadata requests.
#[must_use]
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        // 169.254.0.0/16 (RFC 3927); 100.100.100.200 is Alibaba Cloud's metadata service, 192.0.0.192 Oracle's.
        IpAddr::V4(ip) => ip.is_link_local() || ip.octets() == [100, 100, 100, 200] || ip.octets() == [192, 0, 0, 192],
        // fe80::/10 (RFC 4291), fd00:ec2::254 is Amazon's metadata service.
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local()
                || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
                || embedded(ip).is_some_and(|ip| is_link_local(ip.into()))
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291), behind NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(ip: std::net::Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let ipv4 = |high: u16, low: u16| std::net::Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(ipv4(high, low)),
        _ => ip.to_ipv4_mapped(),
    }
}

fn is_metadata_name(name: &str) -> bool {
    matches!(name.trim_end_matches('.'), "metadata.google.internal" | "metadata" | "instance-data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(provider: ProviderType, base: &str, version: Option<&str>) -> String {
        let config = ProviderConfig { api_version: version.map(Into::into), ..Default::default() };
        Address::parse(base, false)
            .unwrap()
            .endpoint(provider, &config, "gpt 4", "chat/completions")
            .unwrap()
            .to_string()
    }

    #[test]
    fn endpoints_follow_the_base() {
        use ProviderType::{AzureOpenAi, Custom, OpenAi, Vllm};
        assert_eq!(chat(OpenAi, "https://api.openai.com", None), "https://api.openai.com/v1/chat/completions");
        assert_eq!(chat(Vllm, "http://gpu:8000/v1/", None), "http://gpu:8000/v1/chat/completions");
        assert_eq!(chat(Custom, "https://host/api", None), "https://host/api/v1/chat/completions");
        assert_eq!(
            chat(AzureOpenAi, "https://x.openai.azure.com", None),
            "https://x.openai.azure.com/openai/v1/chat/completions"
        );
        assert_eq!(
            chat(AzureOpenAi, "https://x.openai.azure.com", Some("2024-10-21")),
            "https://x.openai.azure.com/openai/deployments/gpt%204/chat/completions?api-version=2024-10-21"
        );
    }

    #[test]
    fn azure_has_paths_of_its_own() {
        let at = |base: &str, version: Option<&str>, endpoint: &str| {
            let config = ProviderConfig { api_version: version.map(Into::into), ..Default::default() };
            let address = Address::parse(base, false).unwrap();
            address.endpoint(ProviderType::AzureOpenAi, &config, "d", endpoint).unwrap().to_string()
        };
        let host = "https://x.openai.azure.com";
        let dated = Some("2025-04-01-preview");
        assert_eq!(at(host, dated, "responses"), format!("{host}/openai/responses?api-version=2025-04-01-preview"));
        assert_eq!(
            at(&format!("{host}/openai"), dated, "images/edits"),
            format!("{host}/openai/deployments/d/images/edits?api-version=2025-04-01-preview")
        );
        assert_eq!(at(host, Some("preview"), "embeddings"), format!("{host}/openai/v1/embeddings?api-version=preview"));
        assert_eq!(at(&format!("{host}/openai/v1/"), None, "embeddings"), format!("{host}/openai/v1/embeddings"));
    }

    #[test]
    fn some_endpoints_stand_beside_the_version() {
        for (base, expected) in [
            ("http://gpu:8000", "http://gpu:8000/tokenize"),
            ("http://gpu:8000/v1", "http://gpu:8000/tokenize"),
            ("http://gpu/llm/v1/", "http://gpu/llm/tokenize"),
        ] {
            let address = Address::parse(base, false).unwrap();
            assert_eq!(address.beside_version("tokenize").unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_query_is_added_to_what_there_is_of_one() {
        let with = |uri: &str| with_query(&uri.parse().unwrap(), "beta=true").unwrap().to_string();
        assert_eq!(with("https://x/v1/messages"), "https://x/v1/messages?beta=true");
        assert_eq!(with("https://x/v1/messages?a=b"), "https://x/v1/messages?a=b&beta=true");
    }

    #[test]
    fn metadata_services_are_refused() {
        for base in [
            "http://169.254.169.254",
            "http://[fe80::1]",
            "http://[::ffff:169.254.169.254]",
            "http://[fd00:ec2::254]",
            "http://[64:ff9b::169.254.169.254]",
            "http://[2002:a9fe:a9fe::1]",
            "http://metadata.google.internal.",
            "http://0xa9fea9fe/",
            "http://2852039166",
        ] {
            assert_eq!(Address::parse(base, false).unwrap_err(), AddressError::LinkLocal, "{base}");
            assert!(Address::parse(base, true).is_ok(), "{base}");
        }
    }

    #[test]
    fn odd_urls_are_refused() {
        for base in ["", "api.openai.com", "ftp://x", "https://u:p@x", "https://x?a=b", "https://x#y", "file:///etc"] {
            assert_eq!(Address::parse(base, false).unwrap_err(), AddressError::Malformed, "{base}");
        }
    }
}
