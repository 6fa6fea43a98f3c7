//! The plan of a prepared statement, kept from one execution to the next.
//!
//! A plan holds while its basis does: the session's settings and the catalog's snapshot, in which each
//! change of a table, a view, a role or a privilege makes another one, and the files of its tables,
//! which are asked before each execution. Else the statement is planned anew.
//!
//! A plan is kept as the planner made it. If it is timeless, it is also kept optimized: at once when it
//! has no parameters, else from its second execution on, with the parameters still in it. The first
//! one is planned for its values, as a statement that runs once is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;
use parking_lot::Mutex;

use super::{Context, Outcome, parameters};
use crate::catalog::Snapshot;
use crate::error::Result;
use crate::execution::Rows;
use crate::plan;
use crate::settings::Settings;
use crate::source::FileTable;

/// Where a prepared statement keeps its plan.
#[derive(Default)]
pub struct KeptPlan {
    /// Held for moments.
    kept: Mutex<Option<Arc<Kept>>>,
    /// Whether it stands in the queue of [`Plans`].
    is_queued: AtomicBool,
}

impl fmt::Debug for KeptPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptPlan")
    }
}

/// What a plan was made from, beside its tables.
pub(super) struct Basis {
    settings: Arc<Settings>,
    /// Weak, so that an idle statement keeps no old catalog.
    snapshot: Weak<Snapshot>,
}

struct Kept {
    basis: Basis,
    tables: Vec<Arc<dyn TableProvider>>,
    /// As the planner made it.
    planned: LogicalPlan,
    is_timeless: bool,
    /// How often it was optimized for some values.
    runs: AtomicUsize,
    /// Set once.
    optimized: Mutex<Option<Arc<Optimized>>>,
    /// Of `planned`.
    plan_bytes: usize,
    _share: Share,
}

struct Optimized {
    plan: LogicalPlan,
    /// Of the parameters.
    types: Vec<DataType>,
    /// The answer, where it is one row of constants.
    row: Option<RecordBatch>,
}

impl Basis {
    /// Before planning: a change in the meantime makes the plan one that does not hold.
    pub fn of(ctx: &Context) -> Self {
        Self {
            settings: ctx.settings(),
            snapshot: Arc::downgrade(&ctx.catalog.snapshot()),
        }
    }

    fn is_of(&self, ctx: &Context) -> bool {
        let now = ctx.settings();
        let same = Arc::ptr_eq(&self.settings, &now) || self.settings == now;
        same && std::ptr::eq(self.snapshot.as_ptr(), Arc::as_ptr(&ctx.catalog.snapshot()))
    }
}

impl KeptPlan {
    /// Whether there is a plan that needs neither the time nor the session.
    pub fn is_timeless(&self) -> bool {
        let kept = self.kept.lock();
        kept.as_ref().is_some_and(|kept| kept.is_timeless)
    }

    /// The answer, where it is known without running anything.
    pub fn known_row(&self, ctx: &Context) -> Option<Outcome> {
        let kept = self.kept.lock().clone()?;
        let optimized = kept.optimized.lock().clone()?;
        let row = optimized.row.as_ref()?;
        let holds = kept.tables.is_empty() && kept.basis.is_of(ctx);
        holds.then(|| Outcome::rows("SELECT", ctx.known(row.clone())))
    }

    /// The rows by a plan that is timeless and holds.
    pub async fn timeless_rows(&self, ctx: &Context) -> Result<Option<Rows>> {
        match self.current(ctx).await {
            Some(kept) if kept.is_timeless => kept.rows(ctx).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The rows of the query whose plan is kept here, by that plan or a new one.
    pub async fn rows(self: &Arc<Self>, ctx: &Context, query: &ast::Query) -> Result<Rows> {
        if let Some(kept) = self.current(ctx).await {
            return kept.rows(ctx).await;
        }
        let basis = Basis::of(ctx);
        let plan = ctx.plan_unbound(query).await?;
        match self.keep(ctx, basis, &plan) {
            Some(kept) => kept.rows(ctx).await,
            None => {
                let plan = parameters::bind(plan, ctx.parameters.values())?;
                ctx.rows(&plan).await
            }
        }
    }

    /// What is kept, if it holds.
    async fn current(&self, ctx: &Context) -> Option<Arc<Kept>> {
        let kept = self.kept.lock().clone()?;
        if !kept.basis.is_of(ctx) {
            return None;
        }
        for table in &kept.tables {
            if !plan::is_current(&ctx.state, &ctx.warehouse, table.as_ref()).await {
                return None;
            }
        }
        Some(kept)
    }

    /// Keeps a plan that the planner made, if plans like it are kept.
    fn keep(
        self: &Arc<Self>,
        ctx: &Context,
        basis: Basis,
        planned: &LogicalPlan,
    ) -> Option<Arc<Kept>> {
        // What was kept goes first: its memory is free for the new one.
        *self.kept.lock() = None;
        let tables = plan::keep::tables(planned)?;
        let files = tables
            .iter()
            .filter_map(|t| plan::keep::of_catalog(t.as_ref()));
        let files_bytes: usize = files.map(FileTable::memory_bytes).sum();
        let plan_bytes = plan::keep::plan_bytes(planned);
        let kept = Arc::new(Kept {
            basis,
            tables,
            planned: planned.clone(),
            is_timeless: plan::keep::is_timeless(planned),
            runs: AtomicUsize::new(0),
            optimized: Mutex::new(None),
            plan_bytes,
            _share: ctx
                .plans
                .take(self, 2 * plan_bytes + SPARE_BYTES + files_bytes)?,
        });
        *self.kept.lock() = Some(Arc::clone(&kept));
        Some(kept)
    }

    /// Keeps the plan of a statement that was described.
    pub(super) fn keep_described(
        self: &Arc<Self>,
        ctx: &Context,
        basis: Basis,
        planned: &LogicalPlan,
        optimized: &LogicalPlan,
    ) {
        let kept = self.keep(ctx, basis, planned);
        if let Some(kept) = kept.filter(|kept| kept.is_timeless)
            && parameters::count(planned).is_ok_and(|count| count == 0)
        {
            kept.keep_optimized(optimized.clone(), Vec::new());
        }
    }
}

impl Kept {
    async fn rows(self: &Arc<Self>, ctx: &Context) -> Result<Rows> {
        let values = ctx.parameters.values();
        let optimized = self.optimized.lock().clone();
        let plan = match &optimized {
            Some(optimized)
                if values
                    .iter()
                    .map(ScalarValue::data_type)
                    .eq(optimized.types.iter().cloned()) =>
            {
                plan::keep::bound(&optimized.plan, values, &ctx.state)?
            }
            _ => self.optimize(ctx, values)?,
        };
        let (kept, parameters) = (Arc::clone(self), ctx.parameters.clone());
        let again = move || parameters::bind(kept.planned.clone(), parameters.values());
        ctx.optimized_rows(&plan, again).await
    }

    /// The plan for these values; what can be kept of it is.
    fn optimize(&self, ctx: &Context, values: &[ScalarValue]) -> Result<LogicalPlan> {
        let plan = parameters::bind(self.planned.clone(), values)?;
        let optimized = ctx.state.optimize(&plan)?;
        if !self.is_timeless {
            return Ok(optimized);
        }
        if values.is_empty() {
            self.keep_optimized(optimized.clone(), Vec::new());
        } else if self.runs.fetch_add(1, Ordering::Relaxed) == 1 {
            let types: Vec<_> = values.iter().map(ScalarValue::data_type).collect();
            if let Ok(Some(generic)) = plan::keep::generic(&self.planned, &types, &ctx.state)
                && column_types(&generic) == column_types(&optimized)
            {
                self.keep_optimized(generic, types);
            }
        }
        Ok(optimized)
    }

    fn keep_optimized(&self, plan: LogicalPlan, types: Vec<DataType>) {
        if plan::keep::plan_bytes(&plan) > self.plan_bytes + SPARE_BYTES {
            return;
        }
        let row = plan::keep::one_row(&plan);
        *self.optimized.lock() = Some(Arc::new(Optimized { plan, types, row }));
    }
}

fn column_types(plan: &LogicalPlan) -> Vec<&DataType> {
    let fields = plan.schema().fields().iter();
    fields.map(|field| field.data_type()).collect()
}

/// The plans that all sessions keep, within a bound on the memory that they take by an estimate.
#[derive(Debug, Default)]
pub struct Plans {
    taken_bytes: Arc<AtomicUsize>,
    /// The oldest first, which is the first to be let go; held for moments.
    keepers: Mutex<Keepers>,
}

#[derive(Debug, Default)]
struct Keepers {
    queue: VecDeque<Weak<KeptPlan>>,
    /// At this length those that are no more are taken out.
    full_at: usize,
}

/// Of all kept plans.
const MAX_BYTES: usize = 64 << 20;
/// A plan that needs more is not kept.
const MAX_PLAN_BYTES: usize = 4 << 20;
/// By so much constants may make an optimized plan larger.
const SPARE_BYTES: usize = 16 << 10;
/// Few enough to look at each.
const MIN_FULL: usize = 1024;

/// What one plan takes; given back when it is let go.
struct Share {
    bytes: usize,
    taken_bytes: Arc<AtomicUsize>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Plans {
    /// Room for a plan of the keeper; the plans that were kept longest make it.
    fn take(&self, keeper: &Arc<KeptPlan>, bytes: usize) -> Option<Share> {
        if bytes > MAX_PLAN_BYTES {
            return None;
        }
        self.taken_bytes.fetch_add(bytes, Ordering::Relaxed);
        let share = Share {
            bytes,
            taken_bytes: Arc::clone(&self.taken_bytes),
        };
        while self.taken_bytes.load(Ordering::Relaxed) > MAX_BYTES {
            let oldest = self.keepers.lock().queue.pop_front()?;
            if let Some(oldest) = oldest.upgrade() {
                oldest.is_queued.store(false, Ordering::Relaxed);
                *oldest.kept.lock() = None;
            }
        }
        if !keeper.is_queued.swap(true, Ordering::Relaxed) {
            self.keepers.lock().push(Arc::downgrade(keeper));
        }
        Some(share)
    }

    /// What is taken now.
    #[cfg(test)]
    fn taken_bytes(&self) -> usize {
        self.taken_bytes.load(Ordering::Relaxed)
    }
}

impl Keepers {
    fn push(&mut self, keeper: Weak<KeptPlan>) {
        if self.queue.len() >= self.full_at.max(MIN_FULL) {
            self.queue.retain(|keeper| keeper.strong_count() > 0);
            self.full_at = 2 * self.queue.len();
        }
        self.queue.push_back(keeper);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::logical_expr::LogicalPlanBuilder;

    use super::*;

    fn keeper(plans: &Plans) -> Arc<KeptPlan> {
        let keeper = Arc::<KeptPlan>::default();
        let share = plans.take(&keeper, MAX_PLAN_BYTES).unwrap();
        let kept = Kept {
            basis: Basis {
                settings: Arc::default(),
                snapshot: Weak::new(),
            },
            tables: Vec::new(),
            planned: LogicalPlanBuilder::empty(true).build().unwrap(),
            is_timeless: true,
            runs: AtomicUsize::new(0),
            optimized: Mutex::new(None),
            plan_bytes: 0,
            _share: share,
        };
        *keeper.kept.lock() = Some(Arc::new(kept));
        keeper
    }

    #[test]
    fn the_oldest_plans_make_room() {
        let plans = Plans::default();
        let fit = MAX_BYTES / MAX_PLAN_BYTES;
        let keepers: Vec<_> = (0..fit + 3).map(|_| keeper(&plans)).collect();
        assert_eq!(plans.taken_bytes(), MAX_BYTES);
        let keeps: Vec<_> = keepers.iter().map(|k| k.kept.lock().is_some()).collect();
        assert_eq!(keeps[..3], [false; 3]);
        assert!(keeps[3..].iter().all(|keeps| *keeps));
        drop(keepers);
        assert_eq!(plans.taken_bytes(), 0);
        // Those that are no more do not pile up.
        (0..3 * MIN_FULL).for_each(|_| drop(keeper(&plans)));
        assert!(plans.keepers.lock().queue.len() <= MIN_FULL);
        assert!(plans.take(&Arc::default(), MAX_PLAN_BYTES + 1).is_none());
    }
}
