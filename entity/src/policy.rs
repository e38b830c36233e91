//! Policies: one shape at every scope. Scopes add up: a request must pass each that applies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::wire::{as_text, is_default};

/// What a scope allows. An omitted value is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Who may call, by address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ip: IpPolicy,
    /// How much and how often.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ratelimit: RateLimit,
    /// Decides and records, but lets pass.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shadow: bool,
}

impl Policies {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        is_default(&self.ip) && is_default(&self.ratelimit)
    }
}

/// Who may call, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IpPolicy {
    /// Only these, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowlist: Vec<Cidr>,
    /// Never these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocklist: Vec<Cidr>,
}

/// How much and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests.
    #[serde(default, skip_serializing_if = "is_default")]
    pub requests: RequestLimits,
    /// How many tokens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tokens: TokenLimits,
    /// How many requests at once; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// How large a request.
    #[serde(default, skip_serializing_if = "is_default")]
    pub payload: PayloadLimits,
}

/// How many requests: 1 to 1 000 000 000 each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestLimits {
    /// In any second. With `burst`, the rate at which the burst fills up again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000))]
    pub per_second: Option<u32>,
    /// In any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000))]
    pub per_minute: Option<u32>,
    /// At once after a pause: the size of a bucket that fills at `per_second`, or at a sixtieth of `per_minute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000))]
    pub burst: Option<u32>,
}

/// How many tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenLimits {
    /// In any minute, prompt and answer together: 1 to 1 000 000 000 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000_000_u64))]
    pub per_minute: Option<u64>,
}

/// How many requests at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// At most this many: 1 to 1 000 000.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub max: u32,
    /// Seconds after which the place of a request is free again if the node that serves it has died: 5 to 3 600.
    #[serde(default = "lease_ttl_seconds")]
    #[cfg_attr(feature = "openapi", schema(minimum = 5, maximum = 3_600, default = 30))]
    pub lease_ttl_seconds: u32,
}

const fn lease_ttl_seconds() -> u32 {
    30
}

/// How large a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PayloadLimits {
    /// Bytes of the body: 1 to 1 073 741 824.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_073_741_824))]
    pub max_request_bytes: Option<u64>,
    /// Tokens that the caller may ask for in an answer: 1 to 4 294 967 295.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_tokens: Option<u32>,
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "10.0.0.0/8"))]
pub struct Cidr(IpNet);

/// The text is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// It is neither a network nor an address.
    #[error("`{0}` is not a network: write an address such as \"10.0.0.7\" or a range such as \"10.0.0.0/8\"")]
    Malformed(String),
    /// It has bits set behind its prefix.
    #[error("`{given}` has bits set behind its prefix: write \"{meant}\"")]
    HostBits {
        /// What was written.
        given: String,
        /// The network that holds it.
        meant: String,
    },
}

impl Cidr {
    /// Whether the network holds `address`. An IPv4 address that came over IPv6 counts as IPv4.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let malformed = || CidrError::Malformed(text.chars().take(60).collect());
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse::<IpNet>().map_err(|_| malformed())?,
        };
        if net != net.trunc() {
            return Err(CidrError::HostBits { given: text.into(), meant: net.trunc().to_string() });
        }
        Ok(Self(net))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

as_text!(Cidr);

/// A factor between 0 and 1 000 with at most three decimals, written by people as a decimal string such as `"0.25"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = r"^[0-9]{1,4}(\.[0-9]{1,3})?$", example = "0.25"))]
pub struct Factor(u32);

/// The text is no factor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a factor: write a decimal string from \"0\" to \"1000\" with at most three decimals, such as \"0.25\""
)]
pub struct FactorError(String);

impl Factor {
    /// A factor of so many thousandths; `None` above 1 000 000.
    #[must_use]
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        if thousandths <= 1_000_000 { Some(Self(thousandths)) } else { None }
    }

    /// The factor in thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Scales a limit, rounding down: a brake never lets through more than it says.
    #[must_use]
    pub fn scale(self, limit: u64) -> u64 {
        u64::try_from(u128::from(limit) * u128::from(self.0) / 1_000).unwrap_or(u64::MAX)
    }
}

impl FromStr for Factor {
    type Err = FactorError;
    fn from_str(text: &str) -> Result<Self, FactorError> {
        let wrong = || FactorError(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 4) || !digits(fraction, 3) {
            return Err(wrong());
        }
        let number = |part: &str| part.parse::<u32>().map_err(|_| wrong());
        let thousandths = number(whole)? * 1_000 + number(&format!("{fraction:0<3}"))?;
        Self::from_thousandths(thousandths).ok_or_else(wrong)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000, self.0 % 1_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{rest:03}").trim_end_matches('0'))
    }
}

as_text!(Factor);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_shape_is_read_and_written_unchanged() {
        let text = r#"{"ip":{"allowlist":["10.0.0.0/8"],"blocklist":["203.0.113.0/24"]},"ratelimit":{"requests":{"per_second":20,"per_minute":1200,"burst":50},"tokens":{"per_minute":120000},"concurrency":{"max":40,"lease_ttl_seconds":30},"payload":{"max_request_bytes":2097152,"max_tokens":8192}}}"#;
        let policies: Policies = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&policies).unwrap(), text);
        assert_eq!(serde_json::to_string(&Policies::default()).unwrap(), "{}");
    }

    #[test]
    fn networks_and_addresses() {
        let holds = |net: &str, address: &str| net.parse::<Cidr>().unwrap().holds(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.200.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.7", "10.0.0.7") && holds("10.0.0.7", "::ffff:10.0.0.7"));
        assert!(holds("2001:db8::/32", "2001:db8::1") && !holds("2001:db8::/32", "10.0.0.1"));
        assert_eq!("10.0.0.7".parse::<Cidr>().unwrap().to_string(), "10.0.0.7");
        assert!("10.0.0.7/8".parse::<Cidr>().unwrap_err().to_string().contains("10.0.0.0/8"));
        for text in ["", "10.0.0.0/33", "ten", "10.0.0.0/-1", "10.0.0.0/8 "] {
            assert!(matches!(text.parse::<Cidr>(), Err(CidrError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn factors_scale_downwards() {
        let scaled = |factor: &str, limit| factor.parse::<Factor>().unwrap().scale(limit);
        assert_eq!(
            [scaled("0.25", 10), scaled("0", 10), scaled("1.5", 3), scaled("1000", u64::MAX)],
            [2, 0, 4, u64::MAX]
        );
        for text in ["", "-1", "1e3", ".5", "1.", "0.0001", "1000.001", "10000"] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
        assert_eq!("007.10".parse::<Factor>().map(|factor| factor.to_string()), Ok("7.1".into()));
    }
}
