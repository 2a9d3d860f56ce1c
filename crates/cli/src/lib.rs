//! aomidori-cli
