"""All that a student is told off for: the losses of a step by their names in the recipe, and the networks that they need."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.func import functional_call

from stillhouse_models.faults import RefusedError
from stillhouse_models.losses.consistency import consistency
from stillhouse_models.losses.features import Adapters, feature_losses
from stillhouse_models.losses.mse import edges, mse
from stillhouse_models.losses.perceptual import perceptual
from stillhouse_models.losses.progressive import progressive
from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.recipe import Recipe, RecipeError
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.adversary import Adversary
from stillhouse_models.training.average import Average
from stillhouse_models.training.compute_device import half_on, place_of
from stillhouse_models.training.fake_score import FakeScore
from stillhouse_models.training.guided_teacher import GuidedTeacher
from stillhouse_models.training.layers import default_layers, layer_place
from stillhouse_models.training.layout_heads import LayoutHeads
from stillhouse_models.training.moment import Moment, random_levels, random_noise
from stillhouse_models.training.rival import Rival
from stillhouse_models.training.sampling import sigmas
from stillhouse_models.training.teacher_features import TeacherFeatures
from stillhouse_models.weights import Painter

# Points of a path that the consistency loss compares, each with the next.
CONSISTENCY_POINTS = 16
FINE = [1 - i / CONSISTENCY_POINTS for i in range(CONSISTENCY_POINTS + 1)]


class Objectives:
    """`named` are the losses of all phases: networks that none of them needs are not made."""

    def __init__(self, recipe: Recipe, student: Denoiser, teacher: Painter, sprites: SpriteSet, named: set[str]):
        mine, theirs = student.config["channels"], teacher.unet.config["channels"]
        layers = recipe.student.layers or default_layers(len(mine))
        if len(mine) != len(theirs):
            raise RecipeError(
                f"[student]: it has {len(mine)} levels, the teacher {len(theirs)}: their layers do not correspond; "
                "give it as many channels"
            )
        self.teacher_features = TeacherFeatures(teacher, layers)
        self.compared = self.teacher_features.compared
        widths = [mine[layer_place(name, len(mine))[1]] for name in layers]
        self.recipe, self.student = recipe, student
        self.guided = GuidedTeacher(teacher, recipe.teacher.guidance)
        self.helpers = nn.ModuleDict({"adapters": Adapters(widths, self.teacher_features.widths)})
        if "layout" in named:
            self.helpers["layout"] = LayoutHeads(sprites, student)
        self.helpers.to(place_of(student))
        self.rivals: dict[str, Rival] = {}
        if "adversarial" in named:
            self.rivals["adversarial"] = Adversary(self.teacher_features)
        if "dmd" in named:
            self.rivals["dmd"] = FakeScore(teacher, recipe.teacher.guidance)

    def parameters(self) -> Iterator[nn.Parameter]:
        """What learns together with the student."""
        return self.helpers.parameters()

    def losses(self, names: set[str], moment: Moment, average: Average, rng: np.random.Generator) -> dict[str, Tensor]:
        """Unweighted; mse and truth always, because they are cheap and tell how a phase without them goes."""
        lesson, asked = moment.lesson, moment.asked
        features = [moment.features[i][:asked] for i in self.compared]
        wanted = [lesson.features[i] for i in self.compared]
        found = feature_losses(names, self._adapted(features), wanted, self.recipe.student.temperature)
        found["mse"] = mse(moment.clean[:asked], lesson.clean, lesson.timestep[:asked])
        found["truth"] = mse(moment.clean, lesson.truth, lesson.timestep)
        more: dict[str, Callable[[], Tensor]] = {
            "edges": lambda: edges(moment.clean, lesson.truth, lesson.timestep),
            "layout": lambda: self._layout(moment),
            "progressive": lambda: self._progressive(moment),
            "consistency": lambda: self._consistency(moment, average),
            "perceptual": lambda: self._perceptual(moment, rng),
        } | {name: lambda rival=rival: rival.loss(moment, rng) for name, rival in self.rivals.items()}
        return found | {name: loss() for name, loss in more.items() if name in names}

    def learn(self, names: set[str], moment: Moment, rate: float, rng: np.random.Generator) -> dict[str, float]:
        """The rivals' own step, after the student's. Their losses, by `name-rival`."""
        return {f"{name}-rival": rival.learn(moment, rate, rng) for name, rival in self.rivals.items() if name in names}

    def _adapted(self, features: list[Tensor]) -> list[Tensor]:
        with half_on(features[0].device):
            widened: list[Tensor] = self.helpers["adapters"](features)
            return widened

    def _layout(self, moment: Moment) -> Tensor:
        with half_on(moment.clean.device):
            asked: Tensor = self.helpers["layout"](moment.features, moment.lesson.scenes, [True] * len(moment.clean))
            return asked

    def _progressive(self, moment: Moment) -> Tensor:
        asked, lesson = moment.asked, moment.lesson
        return progressive(
            moment.clean[:asked], lesson.noisy[:asked], moment.levels[:asked], lesson.clean,
            lambda x, level: self.guided.answer(x, level, lesson.ids[:asked]), sigmas(self.recipe.student.steps),
        )  # fmt: skip

    def _consistency(self, moment: Moment, average: Average) -> Tensor:
        asked, lesson = moment.asked, moment.lesson
        weights = {name.removeprefix("body."): tensor for name, tensor in average.state.items()}

        def averaged(x: Tensor, level: Tensor) -> Tensor:
            with half_on(x.device):
                answer: Tensor = functional_call(self.student.body, weights, (x, level * 1000, moment.context[:asked]))
                return answer.float()

        return consistency(moment.clean[:asked], lesson.noisy[:asked], moment.levels[:asked], lesson.clean, averaged, FINE)

    def _perceptual(self, moment: Moment, rng: np.random.Generator) -> Tensor:
        asked = moment.asked
        painted, context = moment.clean[:asked], moment.context[:asked]
        level, noise = random_levels(rng, asked, painted.device), random_noise(rng, painted)
        return perceptual(
            painted, moment.lesson.truth[:asked], level, noise, lambda x, at: self.teacher_features.of(x, at, context)
        )

    def state(self) -> dict[str, Any]:
        return {"helpers": self.helpers.state_dict(), "rivals": {name: rival.state() for name, rival in self.rivals.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """RefusedError where the state is of a recipe with other losses."""
        if state["rivals"].keys() != self.rivals.keys():
            raise RefusedError(
                f"the checkpoint has networks for {sorted(state['rivals'])}, this recipe's losses for {sorted(self.rivals)}: "
                "go on with the recipe that it was made by, or start afresh in another folder"
            )
        self.helpers.load_state_dict(state["helpers"])
        for name, rival in self.rivals.items():
            rival.restore(state["rivals"][name])
