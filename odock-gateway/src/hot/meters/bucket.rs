//! A bucket of requests that fills up again at a steady rate.

use super::MINUTE_US;

/// What is missing from a bucket, in sixty-millionths of a request: a rate of so many a minute gives back as many of these
/// each microsecond, so that no rounding ever adds up.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    missing: u64,
    at_us: i64,
    rate: u64,
}

/// One request.
const ONE: u64 = MINUTE_US.unsigned_abs();

impl Bucket {
    /// Lets the bucket fill up to now.
    pub(super) fn fill(&mut self, now_us: i64, rate: u64) {
        let passed = now_us.saturating_sub(self.at_us).max(0).unsigned_abs();
        self.missing = self.missing.saturating_sub(passed.saturating_mul(rate));
        (self.at_us, self.rate) = (now_us, rate);
    }

    /// What is left of a bucket of size `of`. To be asked after [`Self::fill`], like all that follows.
    pub(super) fn left(&self, of: u64) -> u64 {
        of.saturating_mul(ONE).saturating_sub(self.missing) / ONE
    }

    /// Microseconds until there is one request more; `None` if the bucket does not fill.
    pub(super) fn wait(&self, of: u64, rate: u64) -> Option<u64> {
        let short = (self.missing.saturating_add(ONE)).saturating_sub(of.saturating_mul(ONE));
        (rate > 0).then(|| short.div_ceil(rate))
    }

    /// Microseconds until it is full.
    pub(super) fn reset(&self, rate: u64) -> u64 {
        if rate == 0 { 0 } else { self.missing.div_ceil(rate) }
    }

    /// Takes requests, or gives them back.
    pub(super) fn correct(&mut self, by: i64) {
        let amount = by.unsigned_abs().saturating_mul(ONE);
        self.missing = if by < 0 { self.missing.saturating_sub(amount) } else { self.missing.saturating_add(amount) };
    }

    /// Whether nothing is missing any more.
    pub(super) fn is_full(&mut self, now_us: i64) -> bool {
        self.fill(now_us, self.rate);
        self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_its_size_at_once_and_then_its_rate_to_the_microsecond() {
        let (mut bucket, rate, of) = (Bucket::default(), 7, 3);
        let mut now = 1_763_000_000_000_000;
        bucket.fill(now, rate);
        for _ in 0..of {
            assert!(bucket.left(of) > 0);
            bucket.correct(1);
        }
        for nth in 1..=70_u64 {
            let wait = bucket.wait(of, rate).unwrap();
            bucket.fill(now + i64::try_from(wait).unwrap() - 1, rate);
            assert_eq!(bucket.left(of), 0, "not a microsecond too soon");
            now += i64::try_from(wait).unwrap();
            bucket.fill(now, rate);
            assert_eq!(bucket.left(of), 1);
            bucket.correct(1);
            let passed = now - 1_763_000_000_000_000;
            assert_eq!(passed, (i64::try_from(nth).unwrap() * MINUTE_US + 6) / 7, "seven a minute, without drift");
        }
    }

    #[test]
    fn it_never_holds_more_than_its_size() {
        let mut bucket = Bucket::default();
        bucket.fill(0, 60);
        bucket.correct(2);
        bucket.fill(i64::MAX, u64::MAX);
        assert!(bucket.is_full(i64::MAX));
        bucket.correct(-5);
        assert_eq!((bucket.left(10), bucket.wait(0, 0), bucket.reset(0)), (10, None, 0));
    }
}
