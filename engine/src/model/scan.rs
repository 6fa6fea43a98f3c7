//! The aggregate function that training runs over the rows of a plan: one binary state, merged in any
//! order.
//!
//! It is made for one scan and never looked up by name: what it collects is part of it, as data.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility,
};
use quern_model::feature::{Columns, Counts, Encoder, Plan, Survey, Surveyed};
use quern_model::statistic::{Collected, Task};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What one scan collects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Scan {
    /// What has to be known before columns can be features.
    Survey(Survey),
    /// Tasks of a trainer over encoded rows.
    Tasks(Box<Plan>, Vec<Task>),
}

/// What a scan gave.
#[derive(Debug, Clone)]
pub enum Scanned {
    Survey(Surveyed),
    Tasks(Counts, Collected),
}

/// Which arguments there are behind the feature columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Roles {
    pub features: usize,
    pub target: bool,
    pub weight: bool,
    pub fold: bool,
}

impl Roles {
    fn columns<'a>(&self, values: &'a [ArrayRef]) -> Result<Columns<'a>> {
        let (features, rest) = values
            .split_at_checked(self.features)
            .ok_or_else(|| Error::internal("a scan lacks columns"))?;
        let mut rest = rest.iter();
        let mut next = |there: bool| if there { rest.next() } else { None };
        Ok(Columns {
            features,
            target: next(self.target),
            weight: next(self.weight),
            fold: next(self.fold),
        })
    }
}

impl Scan {
    /// The call of the aggregate function over these columns.
    pub fn call(self, roles: Roles, columns: Vec<Expr>) -> Result<Expr> {
        Ok(self.function(roles)?.call(columns))
    }

    pub(crate) fn function(self, roles: Roles) -> Result<AggregateUDF> {
        let identity = serde_json::to_string(&(&self, roles)).map_err(Error::internal)?;
        Ok(AggregateUDF::new_from_impl(ModelScan {
            signature: Signature::variadic_any(Volatility::Immutable),
            scan: Arc::new(self),
            roles,
            identity,
        }))
    }

    /// What the bytes that the function gave say.
    pub fn read(&self, mut bytes: &[u8]) -> Result<Scanned> {
        Ok(match self {
            Scan::Survey(_) => Scanned::Survey(Surveyed::from_bytes(bytes)?),
            Scan::Tasks(..) => {
                let counts = Counts::read(&mut bytes)?;
                Scanned::Tasks(counts, Collected::from_bytes(bytes)?)
            }
        })
    }
}

#[derive(Debug)]
pub(crate) struct ModelScan {
    signature: Signature,
    scan: Arc<Scan>,
    roles: Roles,
    /// All that makes this function differ from another scan's.
    identity: String,
}

impl ModelScan {
    pub(crate) fn scan(&self) -> (&Scan, Roles) {
        (&self.scan, self.roles)
    }
}

impl PartialEq for ModelScan {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for ModelScan {}

impl Hash for ModelScan {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

impl AggregateUDFImpl for ModelScan {
    fn name(&self) -> &str {
        match self.scan.as_ref() {
            Scan::Survey(_) => "model_survey",
            Scan::Tasks(..) => "model_pass",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> PlanResult<Vec<FieldRef>> {
        let name = format_state_name(args.name, "state");
        Ok(vec![Field::new(name, DataType::Binary, false).into()])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> PlanResult<Box<dyn Accumulator>> {
        Ok(Box::new(Collector {
            roles: self.roles,
            collecting: match self.scan.as_ref() {
                Scan::Survey(survey) => Collecting::Survey(survey.clone(), survey.start()),
                Scan::Tasks(plan, tasks) => Collecting::Tasks {
                    counts: Counts::of(plan.encoding.columns.len()),
                    collected: Collected::start(tasks),
                    tasks: tasks.clone(),
                    encoder: Box::new(Encoder::new(Plan::clone(plan))),
                },
            },
        }))
    }
}

#[derive(Debug)]
struct Collector {
    roles: Roles,
    collecting: Collecting,
}

#[derive(Debug)]
enum Collecting {
    Survey(Survey, Surveyed),
    Tasks {
        encoder: Box<Encoder>,
        tasks: Vec<Task>,
        counts: Counts,
        collected: Collected,
    },
}

impl Collector {
    fn update(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        let columns = self.roles.columns(values)?;
        match &mut self.collecting {
            Collecting::Survey(survey, found) => survey.update(found, &columns, rows)?,
            Collecting::Tasks {
                encoder,
                tasks,
                counts,
                collected,
            } => encoder.rows(&columns, rows, counts, |rows| collected.update(tasks, rows))?,
        }
        Ok(())
    }

    fn merge(&mut self, state: &[u8]) -> Result<()> {
        match &mut self.collecting {
            Collecting::Survey(survey, found) => {
                survey.merge(found, &Surveyed::from_bytes(state)?)?;
            }
            Collecting::Tasks {
                counts, collected, ..
            } => {
                let mut state = state;
                counts.merge(&Counts::read(&mut state)?);
                collected.merge(&Collected::from_bytes(state)?)?;
            }
        }
        Ok(())
    }

    fn bytes(&mut self) -> Result<Vec<u8>> {
        Ok(match &mut self.collecting {
            Collecting::Survey(_, found) => found.to_bytes()?,
            Collecting::Tasks {
                counts, collected, ..
            } => {
                let mut bytes = Vec::new();
                counts.write(&mut bytes);
                bytes.extend(collected.to_bytes());
                bytes
            }
        })
    }
}

impl Accumulator for Collector {
    fn update_batch(&mut self, values: &[ArrayRef]) -> PlanResult<()> {
        Ok(self.update(values)?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> PlanResult<()> {
        let states = states.first().and_then(|s| s.as_binary_opt::<i32>());
        let states: &BinaryArray =
            states.ok_or_else(|| Error::internal("the state of a scan is not binary"))?;
        states
            .iter()
            .flatten()
            .try_for_each(|state| self.merge(state))?;
        Ok(())
    }

    fn state(&mut self) -> PlanResult<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> PlanResult<ScalarValue> {
        Ok(ScalarValue::Binary(Some(self.bytes()?)))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + match &self.collecting {
                Collecting::Survey(_, found) => found.size(),
                Collecting::Tasks { collected, .. } => collected.size(),
            }
    }
}
