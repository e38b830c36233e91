//! The contract of the meters, kept by both: in this process, and on a Redis that the test starts.

use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use entity::vocab::ScopeType;
use odock_gateway::clock::ManualClock;
use odock_gateway::hot::RedisStore;
use odock_gateway::hot::meters::{
    Chores, Correction, Counter, LeaseId, LocalMeters, Meter, Module, Reading, Release, SharedMeters, Wait,
};

use crate::hot::redis;
use crate::support::{RedisServer, eventually};

/// Either kind of meters.
#[derive(Clone)]
enum Meters {
    Local(Arc<LocalMeters>, ManualClock),
    Redis(Arc<RedisStore>),
}

impl Meters {
    fn local() -> Self {
        let clock = ManualClock::at(Timestamp(1_763_000_000_000_000));
        Self::Local(Arc::new(LocalMeters::new(Arc::new(clock.clone()))), clock)
    }

    /// Whether the step passed, and when it was.
    async fn take(&self, meters: &mut [Meter]) -> (bool, i64) {
        let at = match self {
            Self::Local(local, _) => local.take(meters),
            Self::Redis(redis) => redis.take(LeaseId::now_v7(), meters, &Chores::default()).await.unwrap(),
        };
        (!meters.iter().any(Meter::refuses), at)
    }

    async fn passes(&self, meters: &[Meter]) -> bool {
        self.take(&mut meters.to_vec()).await.0
    }

    async fn left(&self, meter: Meter) -> u64 {
        let mut meters = [meter];
        match self {
            Self::Local(local, _) => local.look(&mut meters),
            Self::Redis(redis) => redis.look(&mut meters).await.unwrap(),
        }
        meters[0].reading.left
    }

    async fn correct(&self, correction: Correction) {
        match self {
            Self::Local(local, _) => local.correct(&correction),
            Self::Redis(redis) => {
                let chores = Chores { corrections: vec![correction], releases: Vec::new() };
                redis.take(LeaseId::nil(), &mut [], &chores).await.unwrap();
            }
        }
    }
}

fn counter() -> Counter {
    Counter { kind: ScopeType::Team, id: uuid::Uuid::now_v7() }
}

fn meter(counter: Counter, module: Module, of: u64) -> Meter {
    let rate = match module {
        Module::Concurrency => 60_000,
        Module::Burst => 1,
        _ => 0,
    };
    Meter { counter, module, shadow: false, of, cost: 1, rate, reading: Reading::default() }
}

/// How many of `asked` steps at once pass.
async fn at_once(meters: &Meters, asked: usize, step: &[Meter]) -> usize {
    let tasks: Vec<_> = (0..asked)
        .map(|_| {
            let (meters, step) = (meters.clone(), step.to_vec());
            tokio::spawn(async move { meters.passes(&step).await })
        })
        .collect();
    let passed = futures_util::future::join_all(tasks).await;
    passed.into_iter().filter(|passed| *passed.as_ref().unwrap()).count()
}

async fn contract(meters: &Meters) {
    // Of many at once exactly as many pass as may. Of a second's window only a lower bound can be known in real time.
    for module in Module::ALL {
        let step = [meter(counter(), module, 20)];
        let began = std::time::Instant::now();
        let passed = at_once(meters, 64, &step).await;
        let in_time = module != Module::Rps || began.elapsed() < Duration::from_secs(1);
        assert!(passed == 20 || (passed > 20 && !in_time), "{module:?}: {passed}");
    }
    takes_from_all_or_none(meters).await;
    watches(meters).await;
    corrects(meters).await;
}

async fn takes_from_all_or_none(meters: &Meters) {
    let (wide, narrow, tokens) = (counter(), counter(), counter());
    let token_meter = Meter { cost: 30, ..meter(tokens, Module::Tpm, 100) };
    let step = [
        meter(wide, Module::Concurrency, 50),
        meter(wide, Module::Rpm, 50),
        meter(narrow, Module::Burst, 40),
        meter(narrow, Module::Rpm, 40),
        token_meter,
    ];
    assert_eq!(at_once(meters, 64, &step).await, 3, "three times thirty tokens");
    for (asked, left) in step.iter().zip([47, 47, 37, 37, 10]) {
        assert_eq!(meters.left(*asked).await, left, "{asked:?}: the refused took something");
    }
    let mut refused = step;
    meters.take(&mut refused).await;
    assert!(matches!(refused[4].reading.wait, Wait::Us(us) if us > 50_000_000 && us <= 61_000_000), "{refused:?}");
    assert!(refused.iter().all(|meter| !meter.reading.taken) && refused[0].has_room());
    let mut never = [Meter { cost: 101, ..token_meter }];
    meters.take(&mut never).await;
    assert_eq!(never[0].reading.wait, Wait::Never);
}

async fn watches(meters: &Meters) {
    let (watched, enforced) = (counter(), counter());
    let shadow = |module, of| Meter { shadow: true, ..meter(watched, module, of) };
    let step = [shadow(Module::Rpm, 2), shadow(Module::Burst, 9), meter(enforced, Module::Rpm, 4)];
    for nth in 0..5 {
        let mut step = step;
        let (passed, _) = meters.take(&mut step).await;
        assert_eq!((passed, step[0].has_room()), (nth < 4, nth < 2), "{step:?}");
        assert_eq!((step[1].reading.taken, step[2].reading.taken), (nth < 2, nth < 4));
    }
    assert_eq!((meters.left(step[0]).await, meters.left(step[1]).await), (0, 7));
}

async fn corrects(meters: &Meters) {
    let step = Meter { cost: 80, ..meter(counter(), Module::Tpm, 100) };
    let (passed, at_us) = meters.take(&mut [step]).await;
    assert!(passed && !meters.passes(&[step]).await);
    let correction = |by| Correction { counter: step.counter, module: Module::Tpm, at_us, by };
    meters.correct(correction(-60)).await;
    assert_eq!(meters.left(step).await, 80);
    meters.correct(correction(500)).await;
    assert_eq!(meters.left(step).await, 0, "what was used counts, also above the limit");
    meters.correct(correction(-9_000)).await;
    assert_eq!(meters.left(step).await, 100, "but never less than nothing");
    meters.correct(correction(7)).await;
    assert_eq!(meters.left(step).await, 93, "what reserved nothing can be charged");
    meters.correct(Correction { at_us: at_us - 70_000_000, ..correction(50) }).await;
    assert_eq!(meters.left(step).await, 93, "a moment that has left the window changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meters_in_this_process_keep_the_contract() {
    contract(&Meters::local()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meters_in_redis_keep_the_contract() {
    let Some(server) = RedisServer::start().await else { return };
    contract(&Meters::Redis(redis(&server).await)).await;
}

#[tokio::test]
async fn windows_slide_and_buckets_fill_with_the_clock() {
    let meters = Meters::local();
    let Meters::Local(local, clock) = &meters else { return };
    let second = [meter(counter(), Module::Rps, 2)];
    let minute = [meter(counter(), Module::Rpm, 2)];
    let bucket = [Meter { rate: 120, ..meter(counter(), Module::Burst, 3) }];
    assert_eq!(at_once(&meters, 9, &second).await, 2);
    assert_eq!(at_once(&meters, 9, &minute).await, 2);
    assert_eq!(at_once(&meters, 9, &bucket).await, 3);
    clock.advance(Duration::from_millis(999));
    assert!(!meters.passes(&second).await && meters.passes(&bucket).await && !meters.passes(&bucket).await);
    clock.advance(Duration::from_millis(51));
    assert_eq!(at_once(&meters, 9, &second).await, 2, "a second and one slot later");
    clock.advance(Duration::from_millis(58_950));
    assert!(!meters.passes(&minute).await, "exactly a minute later");
    clock.advance(Duration::from_secs(1));
    assert_eq!(at_once(&meters, 9, &minute).await, 2);
    assert_eq!(at_once(&meters, 9, &bucket).await, 3, "full again, and not fuller");
    let mut gone = [meter(counter(), Module::Concurrency, 1)];
    local.take(&mut gone);
    clock.advance(Duration::from_secs(600));
    assert!(meters.passes(&second).await);
    clock.advance(Duration::from_secs(600));
    assert!(meters.passes(&minute).await);
    assert_eq!(local.len(), 2, "idle scopes are forgotten, but not those with a place taken");
    assert!(!meters.passes(&gone).await);
    local.give_back(gone[0].counter);
    assert!(meters.passes(&gone).await);
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nothing() {
    let clock = ManualClock::at(Timestamp(1_763_000_000_000_000));
    let local = LocalMeters::new(Arc::new(clock.clone()));
    let mut step = [meter(counter(), Module::Rps, 1)];
    local.take(&mut step);
    clock.set_back(Duration::from_secs(3_600));
    local.take(&mut step);
    assert!(step[0].refuses());
    clock.advance(Duration::from_millis(1_100));
    local.take(&mut step);
    assert!(!step[0].refuses());
}

#[tokio::test]
async fn leases_run_out_unless_they_are_renewed() {
    let Some(server) = RedisServer::start().await else { return };
    let store = redis(&server).await;
    let places = Meter { rate: 300, ..meter(counter(), Module::Concurrency, 2) };
    let (kept, lost) = (LeaseId::now_v7(), LeaseId::now_v7());
    let take = |lease, chores| {
        let store = Arc::clone(&store);
        async move {
            let mut step = [places];
            store.take(lease, &mut step, &chores).await.unwrap();
            !step[0].refuses()
        }
    };
    assert!(take(kept, Chores::default()).await && take(lost, Chores::default()).await);
    let release = |lease| Release { counter: places.counter, lease };
    store.renew(&[(release(kept), 60_000)]).await.unwrap();
    let third = LeaseId::now_v7();
    eventually("the lost lease to run out", || async { take(third, Chores::default()).await.then_some(()) }).await;
    store.renew(&[(release(third), 60_000), (release(lost), 60_000)]).await.unwrap();
    assert!(!take(LeaseId::now_v7(), Chores::default()).await, "the renewed one is still there");
    let chores = Chores { releases: vec![release(kept)], corrections: Vec::new() };
    assert!(take(LeaseId::now_v7(), chores).await, "what is given back is free in the same step");
    store.renew(&[(release(kept), 60_000)]).await.unwrap();
    let chores = Chores { releases: vec![release(third)], corrections: Vec::new() };
    assert!(take(LeaseId::now_v7(), chores).await, "a lease that was given back is not brought back to life");
}

/// A window and a bucket without any cleverness.
#[derive(Default)]
struct Model {
    slots: std::collections::BTreeMap<i64, u64>,
    missing: u64,
    filled_at: i64,
}

impl Model {
    /// What is left of a second's window of `of`, and of a bucket of `size` with a `rate` a minute.
    fn left(&mut self, now: i64, of: u64, size: u64, rate: u64) -> [u64; 2] {
        let oldest = now.div_euclid(50_000) - 20;
        let sum: u64 = self.slots.range(oldest..).map(|(_, taken)| taken).sum();
        self.missing = self.missing.saturating_sub(now.abs_diff(self.filled_at).saturating_mul(rate));
        self.filled_at = now;
        [of.saturating_sub(sum), (size * 60_000_000 - self.missing) / 60_000_000]
    }
}

#[tokio::test]
async fn redis_decides_as_a_plain_log_by_its_own_clock_would() {
    let Some(server) = RedisServer::start().await else { return };
    let store = redis(&server).await;
    let scope = counter();
    let (of, size, rate) = (300, 20, 12_000);
    let window = meter(scope, Module::Rps, of);
    let bucket = Meter { rate, ..meter(scope, Module::Burst, size) };
    let mut model = Model::default();
    let mut dice = 7_u64;
    let mut below = move |most: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % most
    };
    let (mut passed, mut refused, mut at_us) = (0, 0, 0);
    for _ in 0..1_200 {
        // Now and then a correction of something that was taken lately, and sometimes a pause.
        let mut chores = Chores::default();
        if passed > 0 && below(8) == 0 {
            let (ago, by) = (i64::try_from(below(1_500_000)).unwrap(), i64::try_from(below(9)).unwrap() - 4);
            chores.corrections.push(Correction { counter: scope, module: Module::Rps, at_us: at_us - ago, by });
        }
        if below(40) == 0 {
            tokio::time::sleep(Duration::from_millis(below(120))).await;
        }
        let mut step = [Meter { cost: 1 + below(4), ..window }, bucket];
        let cost = step[0].cost;
        at_us = store.take(LeaseId::now_v7(), &mut step, &chores).await.unwrap();
        for correction in &chores.corrections {
            let slot = correction.at_us.div_euclid(50_000);
            if slot >= at_us.div_euclid(50_000) - 20 {
                let taken = model.slots.entry(slot).or_default();
                *taken = taken.saturating_add_signed(correction.by);
            }
        }
        let [in_window, in_bucket] = model.left(at_us, of, size, rate);
        let fits = cost <= in_window && in_bucket >= 1;
        assert_eq!(!step.iter().any(Meter::refuses), fits, "{step:?} but {in_window} and {in_bucket} were left");
        let taken = |cost| if fits { cost } else { 0 };
        assert_eq!(
            [step[0].reading.left, step[1].reading.left],
            [in_window - taken(cost), in_bucket - taken(1)],
            "{step:?}"
        );
        if fits {
            *model.slots.entry(at_us.div_euclid(50_000)).or_default() += cost;
            model.missing += 60_000_000;
            passed += 1;
        } else {
            refused += 1;
        }
    }
    assert!(passed > 20 && refused > 20, "{passed} passed and {refused} were refused: the test tests nothing");
}
