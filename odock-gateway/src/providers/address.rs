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

    /// The URL of an endpoint such as `chat/completions`.
    ///
    /// A base that ends in a version (`/v1`) gets the endpoint behind it, any other gets `/v1` first. Azure OpenAI's
    /// paths name the deployment when the provider pins an `api-version`, and are `/openai/v1/…` otherwise.
    #[must_use]
    pub fn endpoint(&self, provider: ProviderType, config: &ProviderConfig, slug: &str, endpoint: &str) -> Option<Uri> {
        let mut url = self.0.clone();
        {
            let versioned = url.path_segments().and_then(|mut path| path.next_back().map(is_version)).unwrap_or(false);
            let mut path = url.path_segments_mut().ok()?;
            path.pop_if_empty();
            match (provider, &config.api_version) {
                (ProviderType::AzureOpenAi, Some(_)) => {
                    path.extend(["openai", "deployments", slug]);
                }
                (ProviderType::AzureOpenAi, None) if !versioned => {
                    path.extend(["openai", "v1"]);
                }
                _ if !versioned => {
                    path.push("v1");
                }
                _ => {}
            }
            path.extend(endpoint.split('/'));
        }
        if let (ProviderType::AzureOpenAi, Some(version)) = (provider, &config.api_version) {
            url.query_pairs_mut().append_pair("api-version", version);
        }
        url.as_str().parse().ok()
    }
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
