//! Three executors, of which one is killed at a random instant of a query or a training, again and again: the
//! answer is right every time, nothing hangs, no file stays. `QUERN_KILLS=20` kills as often for each of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quern_engine::execution::Remote;

use super::{Setup, files_of_jobs, kill, rows, setup_of, until};
use crate::{support, tpch};

const EXECUTORS: usize = 3;

/// Enough for every run of the tests; more by hand.
const KILLS: usize = 2;

const TRAIN: &str = "CREATE OR REPLACE MODEL chaotic WITH (model_class = 'LogisticRegression', \
     target_column = 'l_returnflag') AS (SELECT l_quantity, l_discount, l_returnflag FROM lineitem)";
const LEARNT: &str = "SELECT count(*), sum(l_orderkey) FROM PREDICT(MODEL chaotic, (SELECT l_quantity, l_discount, \
     l_orderkey FROM lineitem)) WHERE target = 'N'";

/// From a seed that a failure tells.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit.max(1)
    }
}

async fn answer(session: &quern_engine::Session, work: &Work) -> Vec<Vec<String>> {
    if let Some(before) = work.before {
        let done = session.sql(before).await;
        done.unwrap_or_else(|e| panic!("{}: {}: {e}", work.name, e.sqlstate()));
    }
    rows(session, &work.query).await
}

struct Work {
    name: String,
    before: Option<&'static str>,
    query: String,
}

fn works() -> Vec<Work> {
    let queries = [5, 9, 18].map(|number| Work {
        name: format!("q{number}"),
        before: None,
        query: tpch::query(number).trim().trim_end_matches(';').to_string(),
    });
    let training = Work {
        name: "training".to_string(),
        before: Some(TRAIN),
        query: LEARNT.to_string(),
    };
    queries.into_iter().chain([training]).collect()
}

/// Runs the work and kills one executor at a random instant of about as long as it takes.
fn kill_once(
    setup: &Setup,
    work: &Arc<Work>,
    takes: Duration,
    dice: &mut Dice,
) -> Vec<Vec<String>> {
    let full = || setup.members.coordinator.executors().len() == EXECUTORS;
    until("a full cluster", full);
    let (session, running) = (Arc::clone(&setup.session), Arc::clone(work));
    let query = std::thread::spawn(move || {
        support::block_on(async move { answer(&session, &running).await })
    });
    let instant = Duration::from_micros(dice.below(takes.as_micros() as u64));
    let began = Instant::now();
    until("the instant", || {
        began.elapsed() >= instant || query.is_finished()
    });
    let victims = setup.members.children.processes();
    kill(victims[dice.below(victims.len() as u64) as usize]);
    until("the end of the work", || query.is_finished());
    query.join().unwrap()
}

#[test]
fn executors_that_die_at_any_instant_cost_no_answer() {
    let kills = std::env::var("QUERN_KILLS")
        .ok()
        .and_then(|n| n.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let mut dice = Dice(seed);
    let setup = setup_of(EXECUTORS, None);
    let mut wrong = Vec::new();
    for work in works() {
        let work = Arc::new(work);
        let expected = support::block_on(answer(&setup.session, &work));
        let began = Instant::now();
        let again = support::block_on(answer(&setup.session, &work));
        assert_eq!(again, expected, "{}", work.name);
        let takes = began.elapsed();
        for at in 0..kills {
            let found = kill_once(&setup, &work, takes, &mut dice);
            if found != expected {
                wrong.push(format!("{} after kill {at}: {found:?}", work.name));
            }
        }
    }
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    until("a full cluster", || {
        setup.members.coordinator.executors().len() == EXECUTORS
    });
    until("idle cores", || {
        setup
            .members
            .coordinator
            .executors()
            .iter()
            .all(|e| e.busy_cores == 0)
    });
    until("removing the files of jobs", || {
        files_of_jobs(setup.members.folder.path()).is_empty()
    });
}
