//! The node's housekeeping: saying that it lives, giving back what is idle, answering the others.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entity::{Timestamp, UsageRecordId, WindowId};
use sea_orm::DbErr;

use super::Ledger;
use super::account::{Account, State, is_known_afterwards};
use super::refill::{FIGURES_TTL, Word};
use crate::store::ledger::{self as books, Report};

/// How often the books are told what has changed.
const TICK: Duration = Duration::from_millis(500);
/// Capacity that nobody used for this long is given back.
const IDLE: Duration = Duration::from_secs(2);
/// A request that has been under way for this long is written down.
const LONG: Duration = Duration::from_secs(1);
/// Requests written down at once, at most.
const NOTES: usize = 200;

impl Ledger {
    /// Keeps house until `stopping` ends. `now` is the gateway's clock, by which windows end.
    pub async fn keep(self: Arc<Self>, stopping: tokio_util::sync::CancellationToken, now: impl Fn() -> Timestamp) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut renewed = Instant::now();
        while stopping.run_until_cancelled(tick.tick()).await.is_some() {
            if renewed.elapsed() >= self.config.lease_ttl / 4 {
                match self.renew().await {
                    Ok(()) => renewed = Instant::now(),
                    Err(error) => tracing::warn!(%error, "could not renew the leases of budgets and quotas"),
                }
            }
            if let Err(error) = self.tidy(now()).await {
                tracing::debug!(%error, "could not tell the books of budgets and quotas what has changed");
            }
        }
    }

    async fn renew(&self) -> Result<(), DbErr> {
        if self.windows.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let held = books::renew(&self.database, self.node, self.config.lease_ttl).await?;
        let held: std::collections::HashSet<WindowId> = held.into_iter().collect();
        for account in self.all_accounts() {
            let mut state = account.lock();
            let afterwards = is_known_afterwards(state.limit.metric);
            for slice in state.windows.iter_mut().filter(|slice| !afterwards && slice.granted_at < started) {
                if held.contains(&slice.id) {
                    slice.valid_until = started + self.validity();
                } else if slice.slice != 0 {
                    tracing::warn!(window = %slice.id, "a lease of this node was taken away while it was not heard of");
                    slice.lose();
                }
            }
        }
        Ok(())
    }

    /// Gives back what is idle, says what is held, writes down long requests, and reads the figures of what is known only
    /// afterwards.
    async fn tidy(&self, now: Timestamp) -> Result<(), DbErr> {
        let mut reports = Vec::new();
        let mut emptied = Vec::new();
        let mut figures = Vec::new();
        let mut doubts = Vec::new();
        for account in self.all_accounts() {
            // Whoever asks for capacity at this moment knows better than this round.
            let Ok(_turn) = account.turn.try_lock() else { continue };
            let mut state = account.lock();
            let afterwards = is_known_afterwards(state.limit.metric);
            let limit = Arc::clone(&state.limit);
            doubts.extend(state.doubts.iter().map(|span| (Arc::clone(&account), Arc::clone(&limit), *span)));
            state.windows.retain_mut(|slice| {
                let over = slice.span.1 <= now;
                let idle = slice.held == 0 && (over || slice.touched.elapsed() >= IDLE);
                if afterwards {
                    let done = idle && slice.unsettled == 0 && slice.touched.elapsed() >= IDLE * 30;
                    if done {
                        self.windows.remove(&slice.id);
                    } else {
                        figures.push(slice.id);
                    }
                    return !done;
                }
                let back = if idle { slice.free().max(0) } else { 0 };
                slice.slice -= back;
                slice.returning += back;
                if back > 0 {
                    slice.low = 0;
                    slice.available = slice.available.saturating_add(back);
                }
                let done = idle && slice.is_empty();
                if back > 0 || done || slice.reported != slice.held {
                    slice.reported = slice.held;
                    reports.push(Report { window: slice.id, back, held: slice.held, done });
                }
                if done {
                    emptied.push(slice.id);
                }
                true
            });
        }
        if !reports.is_empty() {
            let told = books::report(&self.database, self.node, &reports).await;
            self.reported(&reports, told.is_ok());
            told?;
        }
        for window in emptied {
            self.tell(Word::Answered(window)).await;
        }
        self.note_long_requests().await?;
        self.remove_stale_notes().await?;
        if !self.hot.bus_is_up() {
            for window in books::unanswered(self.database.reader(), self.node).await? {
                self.answer(window).await;
            }
        }
        self.forget_idle_accounts();
        for (account, limit, span) in doubts {
            let Ok(_turn) = account.turn.try_lock() else { continue };
            if let Err(error) = self.ask_books(&account, &limit, span, 0, false).await {
                tracing::debug!(%error, limit = %limit.name, "could not ask the books what they have of a lease");
            }
        }
        self.read_figures(&figures).await
    }

    /// Takes note of whether the books took what they were told. If that failed, nobody knows whether they did: what was to
    /// go back is not used again until they have been asked.
    fn reported(&self, reports: &[Report], taken: bool) {
        for report in reports {
            let Some(account) = self.windows.get(&report.window).and_then(|account| account.upgrade()) else {
                continue;
            };
            let mut state = account.lock();
            let Some(slice) = state.by_id(report.window) else { continue };
            slice.returning -= report.back;
            if !taken {
                slice.reported = i64::MIN;
                let span = slice.span;
                state.doubt(span);
            } else if report.done && slice.returning == 0 && slice.is_empty() {
                // Unless it was taken up again meanwhile. Under the lock under which it would be.
                self.windows.remove(&report.window);
                state.windows.retain(|slice| slice.id != report.window);
            }
        }
    }

    async fn note_long_requests(&self) -> Result<(), DbErr> {
        let long: Vec<_> = self
            .under_way
            .iter()
            .filter(|it| !it.is_noted() && it.since.elapsed() >= LONG)
            .take(NOTES)
            .map(|it| Arc::clone(&it.record))
            .collect();
        if long.is_empty() {
            return Ok(());
        }
        // Marked before it is written: a request that ends meanwhile has its note removed rather than left behind.
        for record in &long {
            if let Some(it) = self.under_way.get(&record.id) {
                it.noted.store(true, Ordering::Release);
            }
        }
        let records: Vec<_> = long.iter().map(|record| (**record).clone()).collect();
        books::note(self.database.writer(), self.node, &records).await?;
        // One that was settled before its note was there has nobody to remove it.
        let over = long.iter().map(|it| it.id).filter(|id| !self.under_way.contains_key(id));
        self.stale_notes().extend(over);
        Ok(())
    }

    /// Removes the notes of requests that leave no record which would.
    async fn remove_stale_notes(&self) -> Result<(), DbErr> {
        let stale = std::mem::take(&mut *self.stale_notes());
        if stale.is_empty() {
            return Ok(());
        }
        let removed = books::forget_requests(self.database.writer(), &stale).await;
        if removed.is_err() {
            self.stale_notes().extend(stale);
        }
        removed
    }

    pub(super) fn stale_notes(&self) -> MutexGuard<'_, Vec<UsageRecordId>> {
        self.stale_notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_figures(&self, windows: &[WindowId]) -> Result<(), DbErr> {
        if windows.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        for (id, used, limit) in books::figures(self.database.reader(), windows).await? {
            let Some(account) = self.windows.get(&id).and_then(|account| account.upgrade()) else { continue };
            let mut state = account.lock();
            if let Some(slice) = state.by_id(id) {
                slice.used = used.saturating_add(slice.unsettled);
                slice.limit = limit;
                slice.valid_until = started + FIGURES_TTL;
            }
        }
        Ok(())
    }

    /// Hears what another node says about a window.
    pub fn heard(self: &Arc<Self>, word: &str) {
        match Word::read(word) {
            Some(Word::Ask(window)) => {
                let this = Arc::clone(self);
                tokio::spawn(async move { this.answer(window).await });
            }
            Some(Word::Answered(window)) => {
                if let Some(account) = self.windows.get(&window).and_then(|account| account.upgrade()) {
                    account.answered.notify_waiters();
                }
            }
            None => tracing::debug!(word, "another node said something about a window that this version does not know"),
        }
    }

    /// Gives back what is free of a window, because another node lacks it.
    pub(super) async fn answer(&self, window: WindowId) {
        let Some(account) = self.windows.get(&window).and_then(|account| account.upgrade()) else { return };
        let (back, held) = {
            let mut state = account.lock();
            let Some(slice) = state.by_id(window) else { return };
            let back = slice.free().max(0);
            slice.slice -= back;
            slice.returning += back;
            slice.low = 0;
            slice.reported = slice.held;
            (back, slice.held)
        };
        let answered = books::answer(&self.database, self.node, window, back, held).await;
        self.reported(&[Report { window, back, held, done: false }], answered.is_ok());
        if let Err(error) = answered {
            tracing::debug!(%error, "could not give capacity back to another node");
            return;
        }
        self.tell(Word::Answered(window)).await;
    }

    /// Gives back everything, at the end of the node's life: after the last request has ended and its record is committed.
    pub async fn close(&self) {
        if let Err(error) = books::bury(&self.database, self.node).await {
            tracing::warn!(%error, "could not give back the leases of budgets and quotas; they end by themselves");
        }
    }

    /// What nobody asks for any more need not be known any more.
    fn forget_idle_accounts(&self) {
        // A second owner is a request that is about to use it.
        self.accounts.retain(|_, account| {
            let in_use = |state: &State| !state.windows.is_empty() || !state.doubts.is_empty();
            Arc::strong_count(account) > 1 || in_use(&account.lock())
        });
    }

    fn all_accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.iter().map(|account| Arc::clone(&account)).collect()
    }
}
