//! aomidori-practice
