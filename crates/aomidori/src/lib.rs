//! aomidori
