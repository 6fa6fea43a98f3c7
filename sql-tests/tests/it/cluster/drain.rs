//! Executors that are told to end: no task is lost with them, and nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quern_engine::execution::Remote;

use super::{QUERY, Setup, rows, setup, signal, until};
use crate::support;

fn is_there(process: u32) -> bool {
    std::path::Path::new(&format!("/proc/{process}")).exists()
}

impl Setup {
    fn is_full(&self) -> bool {
        self.members.coordinator.executors().len() == 2
    }

    /// Tells an executor to end when so many tasks of the query have ended; gives the number of its process, and
    /// the answer.
    fn told_after(&self, tasks: usize, times: usize) -> (u32, Vec<Vec<String>>) {
        until("a full cluster", || self.is_full());
        let session = Arc::clone(&self.session);
        let query = std::thread::spawn(move || {
            support::block_on(async move { rows(&session, QUERY).await })
        });
        until("enough tasks", || {
            query.is_finished() || self.ended_tasks() >= tasks
        });
        let process = self.members.children.processes()[tasks % 2];
        for _ in 0..times {
            signal("-TERM", process);
        }
        let mut jobs = BTreeMap::new();
        until("the end of the query", || {
            for stage in self.members.coordinator.stages() {
                assert!(
                    times > 1 || stage.attempt == 0,
                    "after {tasks} tasks: {stage:?}"
                );
                jobs.entry(stage.query)
                    .or_insert_with(BTreeSet::new)
                    .insert(stage.job);
            }
            query.is_finished()
        });
        let once = jobs.values().all(|jobs| jobs.len() == 1);
        assert!(times > 1 || once, "after {tasks} tasks: {jobs:?}");
        (process, query.join().unwrap())
    }
}

#[test]
fn an_executor_that_is_told_to_end_stays_until_it_is_not_needed() {
    let setup = setup();
    for tasks in 0..8 {
        let (process, answer) = setup.told_after(tasks, 1);
        assert_eq!(answer, setup.expected, "after {tasks} tasks");
        until("its end", || !is_there(process));
    }
}

#[test]
fn an_executor_that_is_told_twice_ends_at_once() {
    let setup = setup();
    let (process, answer) = setup.told_after(3, 2);
    assert_eq!(answer, setup.expected);
    until("its end", || !is_there(process));
}

/// What runs ends on those that are told, since there are no others.
#[test]
fn executors_that_are_all_told_to_end_finish_what_runs() {
    let setup = setup();
    for tasks in [0, 2, 5] {
        until("a full cluster", || setup.is_full());
        let session = Arc::clone(&setup.session);
        let query = std::thread::spawn(move || {
            support::block_on(async move { rows(&session, QUERY).await })
        });
        until("enough tasks", || {
            query.is_finished() || setup.ended_tasks() >= tasks
        });
        let told = setup.members.children.processes();
        told.iter().for_each(|process| signal("-TERM", *process));
        until("the end of the query", || query.is_finished());
        assert_eq!(query.join().unwrap(), setup.expected, "after {tasks} tasks");
        until("their end", || {
            !told.iter().any(|process| is_there(*process))
        });
    }
}

#[test]
fn an_idle_executor_ends_and_another_takes_its_place() {
    let setup = setup();
    let process = setup.members.children.processes()[0];
    signal("-TERM", process);
    until("its end", || !is_there(process));
    until("its successor", || setup.is_full());
    assert_eq!(
        support::block_on(rows(&setup.session, QUERY)),
        setup.expected
    );
}
