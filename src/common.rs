//! What the workers have in common of one upstream.

use crate::audience::SharedAudience;
use crate::scripts::SharedScripts;

/// Handles to it, for one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    /// The scripts that clients were seen to give to servers.
    pub(crate) scripts: SharedScripts,
    /// How many clients hear of what.
    pub(crate) audience: SharedAudience,
}
