//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;

/// The address at the other end of the connection; an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The caller's address: the peer or, when the peer is a trusted proxy, the right-most hop of `Forwarded` or
/// `X-Forwarded-For` that is not. What stands left of that hop may be invented.
pub fn of_client(head: &Parts, trusted: &[IpNet]) -> IpAddr {
    let peer =
        head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut client = peer;
    for hop in hops(&head.headers).into_iter().rev() {
        let Some(ip) = hop else { break };
        client = ip;
        if !is_trusted(&ip) {
            break;
        }
    }
    client
}

/// The hops from the first to the last; `None` for one that is no address, such as `unknown`.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let forwarded: Vec<Option<IpAddr>> =
        values("forwarded").flat_map(|value| value.split(',')).map(forwarded_for).collect();
    if !forwarded.is_empty() {
        return forwarded;
    }
    values("x-forwarded-for").flat_map(|value| value.split(',')).map(ip).collect()
}

/// The `for` of an element of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pair = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    ip(pair.trim().trim_matches('"'))
}

/// An address, with or without port and brackets.
fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    bare.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let mut request = http::Request::new(());
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        of_client(&request.into_parts().0, &trusted).to_string()
    }

    #[test]
    fn strangers_cannot_claim_an_address() {
        assert_eq!(client("203.0.113.9:1", &[("x-forwarded-for", "1.2.3.4")]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_hop_counts() {
        assert_eq!(client("10.0.0.1:1", &[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.7")]), "1.2.3.4");
        assert_eq!(
            client("10.0.0.1:1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4:555")]),
            "1.2.3.4"
        );
        assert_eq!(
            client("[::1]:1", &[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:4711\";proto=https")]),
            "2001:db8::1"
        );
        assert_eq!(client("10.0.0.1:1", &[("x-forwarded-for", "1.2.3.4, unknown")]), "10.0.0.1");
        assert_eq!(client("10.0.0.1:1", &[]), "10.0.0.1");
    }
}
