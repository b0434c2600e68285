"""From a number per particle back to the system: P_R(S, T), barriers, prefactors, onset temperature."""
