//! What `log.filter` says.

use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{LevelFilter, Targets},
};

/// Which events are logged.
pub type Filter = Box<dyn Layer<Registry> + Send + Sync>;

/// What `log.filter` lets through. The error is one sentence.
pub fn log_filter(text: &str) -> anyhow::Result<Filter> {
    let directives: Vec<_> = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    for directive in &directives {
        // The library takes a word that is no level for the name of a module, and logs nothing but that: `inof` would be silence.
        let is_understood = directive.contains(['=', '[']) || directive.parse::<LevelFilter>().is_ok();
        anyhow::ensure!(
            is_understood,
            "{directive:?} is no level (off, error, warn, info, debug, trace) and no module with one, such as {directive}=debug"
        );
    }
    let directives = directives.join(",");
    let filter: EnvFilter = directives.parse()?;
    if directives.is_empty() || directives.contains('[') {
        return Ok(Box::new(filter));
    }
    // Without a word of spans it need not look at each that is entered, as a request's is, twice for each row that it reads.
    Ok(Box::new(directives.parse::<Targets>()?))
}
