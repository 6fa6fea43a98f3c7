//! Functions as bytes. Most are known to every process by their names; a model that scores rows, and what
//! a scan of training collects, go with the plan.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{from_bytes, to_bytes};
use crate::error::{Error, Result};
use crate::function::{is_of_session, operator};
use crate::model::{Answer, ModelScan, Roles, Scan, Trained, What};

/// A larger model does not go with every task.
const MODEL_BYTES: usize = 32 << 20;

/// Models that a process keeps when no task uses them.
const KEPT_MODELS: usize = 8;

/// What a function is in another process.
#[derive(Serialize, Deserialize)]
enum Form {
    /// As it is registered.
    Registered,
    /// As DataFusion has it, where we registered another one.
    DataFusions,
    /// What stands for an operator.
    Operator,
    /// What a model says; its bytes follow.
    Answer {
        file: String,
        what: What,
    },
    Scan(Box<Scan>, Roles),
}

/// Whether the function collects what a model is learnt from: its states are large, and merge to the same in any
/// order.
pub fn is_training(function: &AggregateUDF) -> bool {
    function.inner().is::<ModelScan>()
}

/// The functions of this process, which are those of every process of its version.
pub struct Functions {
    ours: SessionState,
    datafusions: SessionState,
    /// The latest first; held for a look-up.
    models: Mutex<VecDeque<Arc<Trained>>>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").finish_non_exhaustive()
    }
}

impl Functions {
    pub fn of(template: &SessionState) -> Self {
        Self {
            ours: template.clone(),
            datafusions: SessionStateBuilder::new().with_default_features().build(),
            models: Mutex::default(),
        }
    }

    /// Fails for a function that other processes do not have.
    pub fn scalar_to_bytes(&self, function: &ScalarUDF) -> Result<Vec<u8>> {
        let name = function.name();
        if is_of_session(name) {
            return Err(only_here(name, "asks the session"));
        }
        if let Some(answer) = function.inner().downcast_ref::<Answer>() {
            let (trained, what) = answer.model();
            let model = trained.to_bytes()?;
            if model.len() > MODEL_BYTES {
                return Err(only_here(name, "has a model that is too large to be sent"));
            }
            let file = trained.file.clone();
            return framed(&Form::Answer { file, what }, &model);
        }
        if operator(name).is_some_and(|known| known == *function) {
            return framed(&Form::Operator, &[]);
        }
        let is = |state: &SessionState| {
            let known = state.scalar_functions().get(name);
            known.is_some_and(|known| known.as_ref() == function)
        };
        self.known(name, is)
    }

    pub fn scalar_from_bytes(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        let (form, rest) = parts(bytes)?;
        let state = match form {
            Form::Answer { file, what } => {
                let trained = self.model(&file, rest)?;
                return Ok(Arc::new(Answer::again(name.to_string(), trained, what)));
            }
            Form::Operator => {
                let found = operator(name).map(Arc::new);
                return found.ok_or_else(|| unknown(name));
            }
            other => self.state(&other, name)?,
        };
        let found = state.scalar_functions().get(name).cloned();
        found.ok_or_else(|| unknown(name))
    }

    pub fn aggregate_to_bytes(&self, function: &AggregateUDF) -> Result<Vec<u8>> {
        if let Some(scan) = function.inner().downcast_ref::<ModelScan>() {
            let (scan, roles) = scan.scan();
            return framed(&Form::Scan(Box::new(scan.clone()), roles), &[]);
        }
        let name = function.name();
        self.known(name, |state| {
            let known = state.aggregate_functions().get(name);
            known.is_some_and(|known| known.as_ref() == function)
        })
    }

    pub fn aggregate_from_bytes(&self, name: &str, bytes: &[u8]) -> Result<Arc<AggregateUDF>> {
        let (form, _) = parts(bytes)?;
        let state = match form {
            Form::Scan(scan, roles) => return Ok(Arc::new(scan.function(roles)?)),
            other => self.state(&other, name)?,
        };
        let found = state.aggregate_functions().get(name).cloned();
        found.ok_or_else(|| unknown(name))
    }

    pub fn window_to_bytes(&self, function: &WindowUDF) -> Result<Vec<u8>> {
        let name = function.name();
        self.known(name, |state| {
            let known = state.window_functions().get(name);
            known.is_some_and(|known| known.as_ref() == function)
        })
    }

    pub fn window_from_bytes(&self, name: &str, bytes: &[u8]) -> Result<Arc<WindowUDF>> {
        let (form, _) = parts(bytes)?;
        let found = self.state(&form, name)?.window_functions().get(name);
        found.cloned().ok_or_else(|| unknown(name))
    }

    fn known(&self, name: &str, is: impl Fn(&SessionState) -> bool) -> Result<Vec<u8>> {
        if is(&self.ours) {
            framed(&Form::Registered, &[])
        } else if is(&self.datafusions) {
            framed(&Form::DataFusions, &[])
        } else {
            Err(only_here(name, "was made for this statement"))
        }
    }

    fn state(&self, form: &Form, name: &str) -> Result<&SessionState> {
        match form {
            Form::Registered => Ok(&self.ours),
            Form::DataFusions => Ok(&self.datafusions),
            Form::Operator | Form::Answer { .. } | Form::Scan(..) => Err(unknown(name)),
        }
    }

    /// A model that came with a plan, read once.
    fn model(&self, file: &str, bytes: &[u8]) -> Result<Arc<Trained>> {
        let known = self.models.lock().iter().find(|m| m.file == file).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let trained = Arc::new(Trained::read(file, bytes)?);
        let mut models = self.models.lock();
        models.push_front(Arc::clone(&trained));
        models.truncate(KEPT_MODELS);
        Ok(trained)
    }
}

fn only_here(name: &str, why: &str) -> Error {
    Error::unsupported(format!(
        "function {name} on another machine: it {why}, which"
    ))
}

fn unknown(name: &str) -> Error {
    Error::internal(format!(
        "a plan from another process has an unknown function {name}"
    ))
}

/// The length of the form, the form, and what follows it.
fn framed(form: &Form, rest: &[u8]) -> Result<Vec<u8>> {
    let form = to_bytes(form)?;
    let length = u32::try_from(form.len()).map_err(Error::internal)?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(form);
    bytes.extend(rest);
    Ok(bytes)
}

fn parts(bytes: &[u8]) -> Result<(Form, &[u8])> {
    let short = || Error::internal("a function from another process is cut off");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (form, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    Ok((from_bytes(form)?, rest))
}
