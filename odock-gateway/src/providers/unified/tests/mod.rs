//! The tables under `golden/`: what each family gets for each feature, and what becomes of what it answers.

mod golden;
mod refusals;
mod requests;
