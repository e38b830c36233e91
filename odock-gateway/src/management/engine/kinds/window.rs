use entity::plan::FieldChange;
use entity::resource::LimitState;

/// Fields whose change opens another window than the one that is open.
const SCHEDULE: [&str; 4] = ["/period", "/timezone", "/start", "/end"];

/// Says what a change of a budget or quota leaves of its open window, when its amount grows by `more`.
pub(super) fn what_is_left(
    state: Option<&LimitState>,
    more: i64,
    fields: &[FieldChange],
    show: impl Fn(i64) -> String,
) -> Vec<String> {
    let Some(window) = state.and_then(|state| state.window.as_ref()) else { return Vec::new() };
    if fields.iter().any(|field| SCHEDULE.contains(&field.path.as_str())) {
        return vec!["it is counted in another window from now on, with what was used in that".into()];
    }
    let left = window.left.saturating_add(more);
    vec![if left > 0 {
        format!("{} is used of the open window, and {} is left of it", show(window.used), show(left))
    } else {
        format!("{} is used of the open window, and nothing is left of it", show(window.used))
    }]
}
