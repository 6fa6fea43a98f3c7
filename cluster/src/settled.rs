//! Whether each stage of a finished job read what its input stages wrote, once.
//!
//! Ballista runs a stage anew when an executor is lost that held some of its inputs. What tasks of the first
//! attempt had written already, on executors that live, stays among the inputs of the next stage beside what the
//! second attempt writes: rows would be counted twice. Such a job has to run again as a whole.

use std::collections::HashMap;

use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, StageOutput, TaskInfo};

/// Of a job that has ended.
pub fn is_settled(graph: &dyn ExecutionGraph) -> bool {
    let written: HashMap<usize, usize> = graph
        .stages()
        .iter()
        .map(|(id, stage)| (*id, written(stage.task_infos().unwrap_or_default())))
        .collect();
    let once = |stage: &usize, places: usize| written.get(stage) == Some(&places);
    let inputs = graph.stages().values().all(|stage| match stage {
        ExecutionStage::Successful(stage) => stage
            .inputs
            .iter()
            .all(|(input, output)| once(input, places(output))),
        _ => false,
    });
    let last = graph
        .stages()
        .iter()
        .find(|(_, stage)| stage.output_links().is_empty());
    inputs && last.is_some_and(|(last, _)| once(last, graph.output_locations().len()))
}

/// Pieces that tasks wrote whose results count.
fn written(tasks: &[TaskInfo]) -> usize {
    let pieces = tasks.iter().map(|task| match &task.task_status {
        Status::Successful(done) => done.partitions.len(),
        _ => 0,
    });
    pieces.sum()
}

/// Pieces that were read.
fn places(output: &StageOutput) -> usize {
    output.partition_locations.values().map(Vec::len).sum()
}
