"""What a study is told about ageing: from which temperature, to which, how often, how long."""

from __future__ import annotations

from pydantic import Field, model_validator

from vitrify.studies.settings import _Strict


class AgeingSettings(_Strict):
    """Quenches of an equilibrium liquid from one temperature to several.

    Model, density, time step and minimizer are those of the simulation.

    Parameters
    ----------
    initial_temperature : float, energy / k_B
        T_I, of the equilibrium that every sample starts from. It may be below a final temperature.
    final_temperatures : tuple of float, energy / k_B
        T_F. One that equals T_I is a control: nothing ages.
    samples : int
        Quenches to each temperature; sample k starts from the same configuration at all temperatures.
    shortest, longest : float, time
        First and last waiting time t_w.
    per_decade : float
        Waiting times in a factor of ten, evenly spaced in their logarithm.
    separation : float, time
        Between the configurations that samples start from; several relaxation times at T_I.
    equilibration : float, time
        How long the liquid is held at T_I before the first of them, after melting and cooling.
    n_particles : int
        A planted liquid has its own number.
    seed : int
        Of these quenches, besides that of the simulation.
    """

    initial_temperature: float = Field(default=1.0, gt=0)
    final_temperatures: tuple[float, ...] = Field(default=(0.70, 0.60, 0.53, 0.47, 0.40), min_length=1)
    samples: int = Field(default=6, ge=1)
    shortest: float = Field(default=1.0, gt=0)
    longest: float = Field(default=400.0, gt=0)
    per_decade: float = Field(default=5.0, gt=0)
    separation: float = Field(default=10.0, gt=0)
    equilibration: float = Field(default=100.0, gt=0)
    n_particles: int = Field(default=1000, ge=10)
    seed: int = Field(default=31, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> AgeingSettings:
        if min(self.final_temperatures) <= 0 or len({round(t * 1e6) for t in self.final_temperatures}) < len(
            self.final_temperatures
        ):
            raise ValueError("final_temperatures must be positive and different")
        if self.longest < self.shortest:
            raise ValueError("the longest waiting time must not be below the shortest")
        return self
