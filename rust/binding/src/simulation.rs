//! The simulator for Python: a scenario as JSON in, an outcome as JSON out.

use flocktime_simulator::{Error, Scenario, run};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Run one scenario with one seed. The interpreter is released meanwhile.
///
/// Args:
///     scenario: JSON; see ``docs/simulation.md``.
///     seed: the same one, the same run: ``trace`` in the outcome is a hash of all that happened.
///     progress: called with the share done, now and then; a false return stops the run, and what it raises is raised here.
///
/// Returns:
///     The outcome as JSON.
///
/// Raises:
///     ValueError: a scenario that is none, with the field and the numbers; or a run that was stopped.
#[pyfunction]
#[pyo3(signature = (scenario, seed, progress = None))]
#[allow(clippy::needless_pass_by_value, reason = "held while the interpreter is released")]
pub(crate) fn simulate(py: Python<'_>, scenario: &str, seed: u64, progress: Option<Py<PyAny>>) -> PyResult<String> {
    let scenario = Scenario::from_json(scenario).map_err(|error| refused(&error))?;
    let mut raised = None;
    let outcome = py.detach(|| {
        let mut report = |share: f64| match &progress {
            None => true,
            Some(callback) => {
                Python::attach(|py| match callback.call1(py, (share,)).and_then(|go_on| go_on.is_truthy(py)) {
                    Ok(go_on) => go_on,
                    Err(error) => {
                        raised = Some(error);
                        false
                    }
                })
            }
        };
        run(&scenario, seed, &mut report).map(|outcome| serde_json::to_string(&outcome))
    });
    if let Some(error) = raised {
        return Err(error);
    }
    let text = outcome.map_err(|error| refused(&error))?;
    text.map_err(|error| PyValueError::new_err(format!("the outcome cannot be written: {error}")))
}

fn refused(error: &Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}
