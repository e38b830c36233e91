//! A sliding window, counted in slots.

use std::collections::VecDeque;

/// What was taken in each slot that is still in the window; slots in which nothing was taken have no entry.
#[derive(Debug)]
pub(super) struct Window {
    slot_us: i64,
    slots: i64,
    taken: VecDeque<(i64, u64)>,
    sum: u64,
}

impl Window {
    /// A window of `slots` slots, in which nothing was taken.
    pub(super) fn new((slot_us, slots): (i64, i64)) -> Self {
        Self { slot_us, slots, taken: VecDeque::new(), sum: 0 }
    }

    /// Forgets what has left the window, and says what is in it. A slot leaves once all of it has.
    pub(super) fn sum(&mut self, now_us: i64) -> u64 {
        let oldest = now_us.div_euclid(self.slot_us) - self.slots;
        while let Some((slot, taken)) = self.taken.front()
            && *slot < oldest
        {
            self.sum -= taken;
            self.taken.pop_front();
        }
        self.sum
    }

    /// Microseconds until `cost` fits under `of`, which it does not yet though it could. To be asked after [`Self::sum`].
    pub(super) fn wait(&self, now_us: i64, of: u64, cost: u64) -> u64 {
        let mut over = (self.sum + cost).saturating_sub(of);
        for (slot, taken) in &self.taken {
            over = over.saturating_sub(*taken);
            if over == 0 {
                return self.until_gone(*slot, now_us);
            }
        }
        0
    }

    /// Microseconds until the window is empty.
    pub(super) fn reset(&self, now_us: i64) -> u64 {
        self.taken.back().map_or(0, |(slot, _)| self.until_gone(*slot, now_us))
    }

    /// Takes.
    pub(super) fn take(&mut self, now_us: i64, cost: u64) {
        if cost == 0 {
            return;
        }
        let slot = now_us.div_euclid(self.slot_us);
        self.sum += cost;
        match self.taken.back_mut() {
            Some((last, taken)) if *last == slot => *taken += cost,
            _ => self.taken.push_back((slot, cost)),
        }
    }

    /// Adds to what was taken at a moment, if that is still in the window.
    pub(super) fn correct(&mut self, now_us: i64, at_us: i64, by: i64) {
        self.sum(now_us);
        let slot = at_us.div_euclid(self.slot_us);
        let Ok(index) = self.taken.binary_search_by_key(&slot, |(slot, _)| *slot) else {
            // Whoever reserved nothing has no entry yet.
            if by > 0 && slot >= now_us.div_euclid(self.slot_us) - self.slots {
                let index = self.taken.partition_point(|(other, _)| *other < slot);
                self.taken.insert(index, (slot, by.unsigned_abs()));
                self.sum += by.unsigned_abs();
            }
            return;
        };
        let taken = &mut self.taken[index].1;
        let corrected = taken.saturating_add_signed(by);
        self.sum = self.sum - *taken + corrected;
        *taken = corrected;
        if corrected == 0 {
            self.taken.remove(index);
        }
    }

    fn until_gone(&self, slot: i64, now_us: i64) -> u64 {
        u64::try_from((slot + self.slots + 1) * self.slot_us - now_us).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hot::meters::Module;

    /// Numbers that look random and are the same in every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % most
        }
    }

    /// The rule without any cleverness: a log of everything that was ever taken.
    fn room(log: &[(i64, u64)], now: i64, (slot_us, slots): (i64, i64), of: u64, cost: u64) -> bool {
        let in_window = |at: &i64| at.div_euclid(slot_us) >= now.div_euclid(slot_us) - slots;
        log.iter().filter(|(at, _)| in_window(at)).map(|(_, taken)| taken).sum::<u64>() + cost <= of
    }

    #[test]
    fn it_decides_as_a_log_would_and_no_span_ever_holds_more_than_the_limit() {
        for seed in 0..60 {
            let mut dice = Dice(seed);
            let shape = if seed % 2 == 0 { Module::Rps.slots() } else { Module::Tpm.slots() };
            let span = shape.0 * shape.1;
            let (of, most) = (1 + dice.below(40), 1 + dice.below(5));
            let mut window = Window::new(shape);
            let (mut log, mut now) = (Vec::new(), 1_763_000_000_000_000);
            for _ in 0..600 {
                // Often at once, sometimes within a slot, now and then after a long pause.
                now += match dice.below(10) {
                    0..=3 => 0,
                    4..=7 => i64::try_from(dice.below(shape.0.unsigned_abs())).unwrap(),
                    8 => i64::try_from(dice.below(4 * shape.0.unsigned_abs())).unwrap(),
                    _ => i64::try_from(dice.below(2 * span.unsigned_abs())).unwrap(),
                };
                let cost = 1 + dice.below(most);
                let fits = window.sum(now) + cost <= of;
                assert_eq!(fits, room(&log, now, shape, of, cost), "seed {seed} at {now}");
                if fits {
                    window.take(now, cost);
                    log.push((now, cost));
                } else if cost <= of {
                    let wait = i64::try_from(window.wait(now, of, cost)).unwrap();
                    assert!(room(&log, now + wait, shape, of, cost), "seed {seed}: no room after the wait");
                    assert!(wait > 0 && !room(&log, now + wait - 1, shape, of, cost), "seed {seed}: it waits too long");
                }
            }
            for (index, (from, _)) in log.iter().enumerate() {
                let within = log[index..].iter().take_while(|(at, _)| at - from <= span);
                assert!(within.map(|(_, taken)| taken).sum::<u64>() <= of, "seed {seed}: too much from {from} on");
            }
        }
    }

    #[test]
    fn a_correction_counts_only_while_its_moment_is_in_the_window() {
        let mut window = Window::new(Module::Tpm.slots());
        let second = 1_000_000;
        window.take(0, 100);
        window.take(30 * second, 50);
        window.correct(31 * second, 0, -60);
        assert_eq!(window.sum(31 * second), 90, "a part of the first is back");
        window.correct(31 * second, 30 * second, 500);
        assert_eq!(window.sum(31 * second), 590, "the second cost more than it reserved");
        assert_eq!(window.sum(61 * second), 550, "the first has left");
        window.correct(61 * second, 0, -40);
        window.correct(61 * second, 0, 40);
        assert_eq!(window.sum(61 * second), 550, "what has left is not corrected");
        window.correct(61 * second, 30 * second, -1_000);
        assert_eq!((window.sum(61 * second), window.reset(61 * second)), (0, 0), "never below nothing");
        window.correct(61 * second, 40 * second, 7);
        assert_eq!(window.sum(61 * second), 7, "what reserved nothing can be charged");
    }

    #[test]
    fn nothing_taken_leaves_nothing_behind() {
        let mut window = Window::new(Module::Rps.slots());
        window.take(5, 0);
        assert!(window.taken.is_empty());
    }
}
