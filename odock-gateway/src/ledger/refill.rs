//! Asking for capacity: first the database, then the other nodes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::{Timestamp, WindowId};

use super::account::{Account, Look, Slice, is_known_afterwards};
use super::{Ledger, Limit};
use crate::store::ledger::{self as books, Ask, Granted};

/// How long the other nodes may take to give back what they do not need; and how long while they hear of it only from the
/// books, at which they look twice a second.
const ANSWERS: Duration = Duration::from_millis(400);
const ANSWERS_WITHOUT_BUS: Duration = Duration::from_millis(1_500);
/// How often the books are looked at while answers are awaited, in case the bus is slow.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How old figures of what is known only afterwards may be. The keeper reads them again more often than that.
pub(super) const FIGURES_TTL: Duration = Duration::from_secs(5);

impl Ledger {
    /// Sees to it that `amount` is free, or that it is known why not: another look says which.
    pub(super) async fn refill(
        self: &Arc<Self>,
        account: &Arc<Account>,
        amount: i64,
        at: Timestamp,
    ) -> Result<(), String> {
        let (this, account) = (Arc::clone(self), Arc::clone(account));
        // On a task of its own: what the database granted must be noted even if the caller hangs up meanwhile.
        let asking = tokio::spawn(async move { this.refill_in_turn(&account, amount, at).await });
        match tokio::time::timeout(self.config.patience.max(ANSWERS_WITHOUT_BUS * 2), asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the database took too long to say what is left".into()),
        }
    }

    async fn refill_in_turn(
        self: &Arc<Self>,
        account: &Arc<Account>,
        amount: i64,
        at: Timestamp,
    ) -> Result<(), String> {
        let _turn = account.turn.lock().await;
        let (limit, lacking) = {
            let mut state = account.lock();
            if state.look(amount, at, Instant::now()) != Look::Ask {
                return Ok(());
            }
            let free = state.slice(at).map_or(0, |slice| slice.usable());
            (Arc::clone(&state.limit), amount.saturating_sub(free))
        };
        let Some(span) = limit.window(at) else {
            account.lock().close(at);
            return Ok(());
        };
        self.give_back_rivals(account, span).await;
        let granted = self.ask_books(account, &limit, span, lacking, true).await?;
        if granted.granted >= lacking || is_known_afterwards(limit.metric) {
            return Ok(());
        }
        let mut left = granted;
        if left.others_hold || !left.rivals.is_empty() {
            match self.ask_others(account, &limit, span, amount, &left).await? {
                None => return Ok(()),
                Some(last) => left = last,
            }
        }
        let mut state = account.lock();
        if let Some(slice) = state.by_id(left.window) {
            // A node whose requests spent more than it held would have to make that good first.
            let most = slice.usable().saturating_add(left.available.max(0)).max(0);
            slice.refuse(most, Instant::now());
        }
        Ok(())
    }

    /// Asks the other nodes for what they do not need. `None` when enough came of it; else how the window stands after all
    /// have answered, or have been given their time.
    async fn ask_others(
        self: &Arc<Self>,
        account: &Account,
        limit: &Arc<Limit>,
        span: (Timestamp, Timestamp),
        amount: i64,
        standing: &Granted,
    ) -> Result<Option<Granted>, String> {
        let window = standing.window;
        for rival in &standing.rivals {
            books::ask(&self.database, *rival).await.map_err(|error| error.to_string())?;
            self.tell(Word::Ask(*rival)).await;
        }
        let asked = books::ask(&self.database, window).await.map_err(|error| error.to_string())?;
        self.tell(Word::Ask(window)).await;
        let end = Instant::now() + if self.hot.bus_is_up() { ANSWERS } else { ANSWERS_WITHOUT_BUS };
        loop {
            let _ = tokio::time::timeout(LOOK_AGAIN, account.answered.notified()).await;
            let lacking = {
                let mut state = account.lock();
                amount.saturating_sub(state.by_id(window).map_or(0, |slice| slice.usable()))
            };
            if lacking <= 0 {
                return Ok(None);
            }
            let granted = self.ask_books(account, limit, span, lacking, false).await?;
            if granted.granted >= lacking {
                return Ok(None);
            }
            let all_answered = !granted.unanswered && granted.asks >= asked;
            if all_answered || Instant::now() > end {
                return Ok(Some(granted));
            }
        }
    }

    /// Gives back what this node does not need of windows that overlap the given one under other terms: it counts against
    /// that one for as long as it is held.
    async fn give_back_rivals(&self, account: &Account, span: (Timestamp, Timestamp)) {
        let rivals: Vec<WindowId> = {
            let state = account.lock();
            let overlaps = |other: (Timestamp, Timestamp)| other != span && other.0 < span.1 && span.0 < other.1;
            state.windows.iter().filter(|it| overlaps(it.span) && it.free() > 0).map(|it| it.id).collect()
        };
        for window in rivals {
            self.answer(window).await;
        }
    }

    /// Asks the database, and takes up what it says.
    pub(super) async fn ask_books(
        &self,
        account: &Account,
        limit: &Arc<Limit>,
        span: (Timestamp, Timestamp),
        lacking: i64,
        ahead: bool,
    ) -> Result<Granted, String> {
        let started = Instant::now();
        // What is known only afterwards is never lent: the window is merely read, and brought into being.
        let afterwards = is_known_afterwards(limit.metric);
        let (spare, known) = {
            let mut state = account.lock();
            state.doubts.retain(|doubt| *doubt != span);
            let slice = state.by_span(span);
            slice.map_or((0, 0), |slice| (slice.spare(limit.revision), slice.slice.saturating_add(slice.returning)))
        };
        let ask = Ask {
            node: self.node,
            lacking: if afterwards { 0 } else { lacking },
            ahead: ahead && !afterwards,
            spare,
            ttl: self.config.lease_ttl,
        };
        let granted = books::grant(&self.database, limit, span, ask).await.map_err(|error| {
            // The connection may have been lost after the commit.
            account.lock().doubt(span);
            error.to_string()
        })?;
        let mut state = account.lock();
        if !state.windows.iter().any(|slice| slice.id == granted.window) {
            state.windows.push(Slice::new(granted.window, span, started));
            let weak = self.accounts.get(&limit.id).map(|account| Arc::downgrade(&account));
            self.windows.insert(granted.window, weak.unwrap_or_default());
        }
        let Some(slice) = state.by_id(granted.window) else { return Err("a window vanished".into()) };
        // A window of older terms may be asked about, too: it does not come to be one of the newest.
        if limit.window(span.0) == Some(span) {
            slice.revision = slice.revision.max(limit.revision);
        }
        slice.limit = granted.limit;
        // The books do not have what waits to be committed.
        slice.used = granted.used.saturating_add(slice.unsettled);
        slice.available = granted.available.max(0);
        slice.over = (-granted.available).max(0);
        if !granted.held_before && slice.slice > 0 {
            slice.lose();
        }
        // The books only ever run ahead of this node in what they take from a lease. What they have more than it knew of was
        // granted, or not taken back, in a transaction whose end was not heard of.
        let unheard = granted.held.saturating_sub(known).max(0);
        slice.slice = slice.slice.saturating_add(granted.granted).saturating_add(unheard);
        slice.granted_at = started;
        slice.touched = started;
        slice.asking_ahead = false;
        slice.forget_refusal();
        slice.valid_until = started + if afterwards { FIGURES_TTL } else { self.validity() };
        slice.low = slice.free() / 4;
        Ok(granted)
    }

    /// Asks for more before it is needed, while requests go on.
    pub(super) fn ask_ahead(self: &Arc<Self>, account: Arc<Account>, limit: Arc<Limit>, at: Timestamp) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let _turn = account.turn.lock().await;
            let asked = match limit.window(at) {
                Some(span) => this.ask_books(&account, &limit, span, 0, true).await.map(drop),
                None => Ok(()),
            };
            if let Err(error) = asked {
                tracing::debug!(%error, limit = %limit.name, "could not ask for capacity ahead of need");
                if let Some(slice) = account.lock().slice(at) {
                    slice.asking_ahead = false;
                    slice.low = 0;
                }
            }
        });
    }
}

impl Ledger {
    /// How long a lease may be used after it was asked for: by its own clock the node stops sooner than the books.
    pub(super) fn validity(&self) -> Duration {
        self.config.lease_ttl / 5 * 4
    }

    /// Tells the other nodes. Should they not hear it, they see it in the books within a second.
    pub(super) async fn tell(&self, word: Word) {
        if let Err(error) = self.hot.tell(&word.write()).await {
            tracing::debug!(%error, "could not tell the other nodes about a window");
        }
    }
}

/// What nodes tell each other about windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Give back what you do not need of it.
    Ask(WindowId),
    /// Somebody has given something back.
    Answered(WindowId),
}

impl Word {
    pub(super) fn write(self) -> String {
        match self {
            Self::Ask(window) => format!("ask {window}"),
            Self::Answered(window) => format!("answered {window}"),
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (word, window) = text.split_once(' ')?;
        let window: WindowId = window.parse().ok()?;
        match word {
            "ask" => Some(Self::Ask(window)),
            "answered" => Some(Self::Answered(window)),
            _ => None,
        }
    }
}
