//! A task on an executor: its part of a stage's plan is finished for this process, runs, and tells of its
//! errors with all that we know of them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::prelude::SessionConfig;
use quern_engine::plan::rule_of_stages;
use quern_engine::source::{NULLED_VALUES, SKIPPED_ROWS};

use crate::drain::Tasks;
use crate::failure::told;

/// The metric in which every scan of files counts the bytes that it reads.
pub const SCANNED: &str = "bytes_scanned";

const OF_SCANS: &[&str] = &[SCANNED, SKIPPED_ROWS, NULLED_VALUES];

pub struct Stages {
    engine: DefaultExecutionEngine,
    tasks: Tasks,
}

impl Stages {
    /// Each task that runs is one of these.
    pub fn new(tasks: Tasks) -> Self {
        Self {
            engine: DefaultExecutionEngine::new(),
            tasks,
        }
    }
}

impl ExecutionEngine for Stages {
    fn create_query_stage_exec(
        &self,
        job: JobId,
        stage: usize,
        task: usize,
        partitions: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        let rule = rule_of_stages();
        let plan = rule.optimize(plan, config.options()).map_err(told)?;
        let engine = &self.engine;
        let inner =
            engine.create_query_stage_exec(job, stage, task, partitions, plan, work_dir, config)?;
        let tasks = self.tasks.clone();
        Ok(Arc::new(Stage { inner, tasks }))
    }
}

#[derive(Debug)]
struct Stage {
    inner: Arc<dyn QueryStageExecutor>,
    tasks: Tasks,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl QueryStageExecutor for Stage {
    async fn execute_query_stage(
        &self,
        task: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let _running = self.tasks.one();
        self.inner
            .execute_query_stage(task, context)
            .await
            .map_err(told)
    }

    /// One set for the whole plan. Tasks of a stage may have plans of different sizes, and of a task
    /// whose sets are not as many as another's Ballista takes no report at all.
    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        let mut all = MetricsSet::new();
        for set in self.inner.collect_plan_metrics() {
            let is_scan = set.sum_by_name(SCANNED).is_some();
            for metric in set.iter() {
                let wanted = match metric.value() {
                    MetricValue::SpilledBytes(_) => true,
                    MetricValue::OutputRows(_) => is_scan,
                    value => is_scan && OF_SCANS.contains(&value.name()),
                };
                if wanted {
                    all.push(Arc::clone(metric));
                }
            }
        }
        vec![all]
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}
