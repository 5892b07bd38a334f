"""Votes become belief: skill is found, bragging is held back, the model only leans."""

import numpy as np
import pytest

from labeling.learning.aggregation import aggregate
from labeling.learning.calibration import calibration_error
from labeling.learning.confusions import prior_confusion, skill_of
from labeling.learning.crowd import Crowd, Kind

UNSURE = 3


def simulated(skills, n_faces=400, votes_per_face=3, seed=0, swaps=()):
    """Votes of annotators who are right with their skill, and the truth (n_faces,)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n_faces)
    rows = []
    for face in range(n_faces):
        for who in rng.permutation(len(skills))[:votes_per_face]:
            wrong = (truth[face] + rng.integers(1, 3)) % 3
            answer = truth[face] if rng.random() < skills[who] else wrong
            rows.append((face, who, 2 - answer if who in swaps else answer))
    face, annotator, choice = np.array(rows).T
    return face, annotator, choice, truth


def test_one_vote_is_believed_but_not_blindly():
    opinion = aggregate(np.array([7]), np.array([1]), np.array([2]), 3)
    assert opinion.faces.tolist() == [7]
    assert opinion.posterior[0].argmax() == 2
    assert 0.8 < opinion.posterior[0, 2] < 0.97


def test_many_faces_of_one_lone_annotator_do_not_make_them_perfect():
    face = np.arange(500)
    choice = np.random.default_rng(0).integers(0, 3, 500)
    opinion = aggregate(face, np.zeros(500, int), choice, 3)
    np.testing.assert_allclose(opinion.confusion[0], prior_confusion(3))
    assert opinion.posterior.max() < 0.95


def test_agreement_is_surer_than_one_vote_and_contradiction_less_sure():
    face, annotator = np.array([0, 1, 1, 2, 2]), np.array([0, 0, 1, 0, 1])
    opinion = aggregate(face, annotator, np.array([0, 0, 0, 0, 2]), 3)
    one, agreed, contradicted = opinion.posterior.max(axis=1)
    assert agreed > one > contradicted
    assert opinion.tied.tolist() == [False, False, True]
    assert opinion.n_votes.tolist() == [1, 2, 2]


def test_cant_tell_counts_as_a_vote_and_says_almost_nothing():
    opinion = aggregate(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([UNSURE, 1, UNSURE]), 3)
    assert opinion.n_sure.tolist() == [1, 0]
    assert opinion.n_votes.tolist() == [2, 1]
    assert not opinion.tied.any()
    assert opinion.posterior[0].argmax() == 1
    assert opinion.posterior[1].max() < 0.7


def test_skilled_annotators_outweigh_careless_ones():
    face, annotator, choice, truth = simulated([0.95, 0.9, 0.9, 0.4, 0.4], votes_per_face=4)
    opinion = aggregate(face, annotator, choice, 3)
    votes = np.zeros((400, 3))
    np.add.at(votes, (face, choice), 1)
    believed = (opinion.posterior.argmax(axis=1) == truth).mean()
    assert believed > (votes.argmax(axis=1) == truth).mean() + 0.02
    skill = opinion.confusion[:, :, :3].diagonal(axis1=1, axis2=2).mean(axis=1)
    assert skill[:3].min() > skill[3:].max() + 0.2


def test_one_who_swaps_the_sides_is_found_out():
    skills = [0.92, 0.9, 0.9, 0.9]
    face, annotator, choice, truth = simulated(skills, swaps={3})
    opinion = aggregate(face, annotator, choice, 3)
    assert opinion.confusion[3, 0, 2] > 0.7
    assert (opinion.posterior.argmax(axis=1) == truth).mean() > 0.95


def test_a_vote_teaches_as_much_as_its_annotator_knows():
    face, annotator, choice, _ = simulated([0.95, 0.95, 0.95, 0.34], votes_per_face=4)
    opinion = aggregate(face, annotator, choice, 3)
    skill = skill_of(opinion.confusion)
    assert skill[:3].min() > 0.8
    assert skill[3] < 0.15
    votes = [(f, c) for f, a, c in zip(face, annotator, choice, strict=True) if a == 3]
    against = [f for f, c in votes if opinion.posterior[f].argmax() != c]
    assert opinion.shares[against].max(axis=1).mean() > 0.8
    np.testing.assert_allclose(opinion.shares.sum(axis=1), 1)


def test_belief_is_honest():
    face, annotator, choice, truth = simulated([0.85, 0.8, 0.7, 0.75], n_faces=1500)
    opinion = aggregate(face, annotator, choice, 3)
    assert calibration_error(opinion.posterior, np.eye(3)[truth]) < 0.04


def test_nothing_comes_of_no_votes():
    none = np.zeros(0, dtype=int)
    opinion = aggregate(none, none, none, 3)
    assert opinion.posterior.shape == (0, 3)


def answers_of(kinds, n_faces, seed=0):
    """Votes of a crowd, one annotator per face, and a witness right on nine faces of ten."""
    rng = np.random.default_rng(seed)
    crowd = Crowd(kinds, np.array([2, 1, 0]))
    truth = rng.integers(0, 3, n_faces)
    who = rng.integers(0, len(kinds), n_faces)
    said = np.array([crowd.answer(w, t, 0.0, rng) for w, t in zip(who, truth, strict=True)])
    sees = np.where(rng.random(n_faces) < 0.9, truth, rng.integers(0, 3, n_faces))
    witness = np.full((n_faces, 3), 0.05)
    witness[np.arange(n_faces), sees] = 0.9
    return (np.arange(n_faces), who, said), truth, (np.arange(n_faces), witness)


def test_a_witness_finds_out_who_swaps_and_who_guesses_among_people_who_vote_alone():
    kinds = [*[Kind.CAREFUL] * 4, Kind.CARELESS, Kind.SWAPPER, Kind.SPAMMER]
    votes, truth, witness = answers_of(kinds, 280)
    mirror_of = np.array([2, 1, 0])
    alone = aggregate(*votes, 3, mirror_of=mirror_of)
    assert not alone.swaps.any()
    judged = aggregate(*votes, 3, witness=witness, mirror_of=mirror_of)
    assert judged.people[judged.swaps].tolist() == [5]
    assert judged.people[judged.guesses].tolist() == [6]
    by_swapper = (votes[1] == 5) & (votes[2] < 3)
    assert (judged.by_votes.argmax(axis=1) == truth)[by_swapper].mean() > 0.9


def test_a_careless_annotator_is_neither_told_to_swap_nor_to_guess():
    for seed in range(20):
        votes, _, witness = answers_of([Kind.CAREFUL, Kind.CARELESS], 400, seed)
        opinion = aggregate(*votes, 3, witness=witness, mirror_of=np.array([2, 1, 0]))
        assert not opinion.swaps.any()
        assert not opinion.guesses.any()


def test_a_witness_judges_annotators_and_is_no_part_of_the_belief():
    votes, _, (faces, says) = answers_of([Kind.CAREFUL], 50)
    one_face = tuple(column[:1] for column in votes)
    contradicts = says[:1, ::-1]
    without = aggregate(*one_face, 3)
    with_one = aggregate(*one_face, 3, witness=(faces[:1], contradicts))
    # The vote itself is still what is believed, if less: its annotator was contradicted once.
    assert with_one.posterior.argmax() == without.posterior.argmax()


def test_the_last_word_stands_and_the_votes_are_kept_beside_it():
    face, annotator, choice = np.zeros(3, int), np.arange(3), np.zeros(3, int)
    opinion = aggregate(face, annotator, choice, 3, last_words=(np.array([0, 9]), np.array([2, 1])))
    assert opinion.faces.tolist() == [0, 9]
    assert opinion.posterior.argmax(axis=1).tolist() == [2, 1]
    assert opinion.by_votes[0].argmax() == 0
    assert opinion.settled.all()
    assert opinion.n_votes.tolist() == [3, 0]
    assert opinion.right.sum() == 0


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 faces, 1 annotators and 2 choices came"):
        aggregate(np.array([0, 1]), np.array([0]), np.array([0, 1]), 3)
    with pytest.raises(ValueError, match=r"choices lie in 0\.\.4, expected 0\.\.3"):
        aggregate(np.array([0, 1]), np.array([0, 0]), np.array([0, 4]), 3)
