//! Money: integer nanos of USD, decimal text at the edges, never a float.

use std::fmt;
use std::str::FromStr;

use crate::wire::as_text;

/// An amount in billionths of a US dollar: an integer on the wire of usage records and in the database.
pub type Nanos = i64;

/// Nanos in one dollar.
pub const NANOS_PER_USD: Nanos = 1_000_000_000;

/// A non-negative amount of USD, written by people as a decimal string such as `"0.0004"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = r"^[0-9]{1,9}(\.[0-9]{1,9})?$", example = "0.0004"))]
pub struct Money(Nanos);

/// Why a text is not an amount of money.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// It is not digits with at most one point.
    #[error("`{0}` is not an amount: write a decimal string such as \"0.0004\"")]
    Malformed(String),
    /// It is finer than a nano.
    #[error("`{0}` has more than 9 decimals; the smallest amount is 0.000000001 USD")]
    TooFine(String),
    /// It does not fit.
    #[error("`{0}` is too large; the largest amount is 999999999 USD")]
    TooLarge(String),
}

impl Money {
    /// An amount of `nanos`; `None` if negative.
    #[must_use]
    pub const fn from_nanos(nanos: Nanos) -> Option<Self> {
        if nanos < 0 { None } else { Some(Self(nanos)) }
    }

    /// The amount in nanos of USD.
    #[must_use]
    pub const fn nanos(self) -> Nanos {
        self.0
    }
}

impl FromStr for Money {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || MoneyError::Malformed(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(malformed());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 9 {
            return Err(MoneyError::TooFine(text.into()));
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 9 {
            return Err(MoneyError::TooLarge(text.chars().take(40).collect()));
        }
        let number = |part: &str| if part.is_empty() { Ok(0) } else { part.parse::<Nanos>().map_err(|_| malformed()) };
        let scale = 10_i64.pow(9 - u32::try_from(fraction.len()).map_err(|_| malformed())?);
        Ok(Self(number(whole)? * NANOS_PER_USD + number(fraction)? * scale))
    }
}

/// Writes nanos as a decimal without trailing zeros: `400_000` is `0.0004`.
#[must_use]
pub fn decimal(nanos: Nanos) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let (whole, fraction) = (size / NANOS_PER_USD.unsigned_abs(), size % NANOS_PER_USD.unsigned_abs());
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:09}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0))
    }
}

as_text!(Money);

/// Divides and rounds to the nearest whole, a tie to the even neighbour: the one rounding rule of every bill line.
///
/// `divisor` must be positive. Saturates at the ends of `Nanos`.
#[must_use]
pub fn div_half_even(dividend: i128, divisor: i128) -> Nanos {
    let (quotient, remainder) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = match (remainder * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
    };
    let rounded = quotient + i128::from(up);
    Nanos::try_from(rounded).unwrap_or(if rounded < 0 { Nanos::MIN } else { Nanos::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_exactly() {
        assert_eq!("0.0004".parse::<Money>().unwrap().nanos(), 400_000);
        assert_eq!("50".parse::<Money>().unwrap().nanos(), 50_000_000_000);
        assert_eq!("007.10".parse::<Money>().unwrap().to_string(), "7.1");
        assert_eq!("999999999.999999999".parse::<Money>().unwrap().nanos(), 999_999_999_999_999_999);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0x1", " 1", "٣"] {
            assert!(matches!(text.parse::<Money>(), Err(MoneyError::Malformed(_))), "{text}");
        }
        assert!(matches!("0.0000000001".parse::<Money>(), Err(MoneyError::TooFine(_))));
        assert!(matches!("1000000000".parse::<Money>(), Err(MoneyError::TooLarge(_))));
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        assert_eq!([5, 15, 25, 14, 16].map(|n| div_half_even(n, 10)), [0, 2, 2, 1, 2]);
        assert_eq!(div_half_even(-15, 10), -2);
        assert_eq!(div_half_even(i128::MAX, 1), Nanos::MAX);
    }

    #[test]
    fn decimals_round_trip() {
        for nanos in [0, 1, 400_000, NANOS_PER_USD, 1_234_567_891] {
            assert_eq!(decimal(nanos).parse::<Money>().unwrap().nanos(), nanos);
        }
        assert_eq!(decimal(-1_500_000_000), "-1.5");
    }
}
