//! Linear algebra on what was collected: small dense systems, solved to more digits than `f64` has
//! where that is affordable; and minima of functions.

mod cholesky;
mod descent;
mod minimizer;
mod row_cache;
mod smo;
mod symmetric;

pub use cholesky::{solve_positive, solve_refined};
pub use descent::{Descended, Descent, Problem};
pub use minimizer::{Found, Method, Minimizer, Seen};
pub use row_cache::RowCache;
pub use smo::{Effort, Gram, Minimum, Quadratic};
pub use symmetric::{Eigen, Symmetric};
