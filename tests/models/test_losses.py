import keras
import numpy as np
import pytest

from chronoslide.models.losses import DiceCrossEntropyLoss, LovaszHingeLoss, TverskyLoss, loss_from_settings
from chronoslide.params import OptimiserSettings

# TP = 80, FN = 20, FP = 10, and 5 of background that is seen as such.
TRUTH = np.repeat([1, 1, 0, 0], [80, 20, 10, 5]).astype(np.uint8)
CERTAIN = np.repeat([1, 0, 1, 0], [80, 20, 10, 5]).astype(np.float32)
SOFT_TRUTH = np.array([1, 1, 0, 0], dtype=np.uint8)
SOFT = np.array([0.9, 0.6, 0.2, 0.1], dtype=np.float32)


def loss_of(loss, truth, probability):
    return float(loss(truth, probability))


@pytest.mark.parametrize(
    ("false_negative_weight", "false_positive_weight", "expected"),
    [(0.3, 0.7, 0.139785), (0.5, 0.5, 0.157895), (0.7, 0.3, 0.175258)],
)
def test_each_weight_stands_on_its_own_side(false_negative_weight, false_positive_weight, expected):
    loss = TverskyLoss(false_negative_weight, false_positive_weight)
    assert loss_of(loss, TRUTH, CERTAIN) == pytest.approx(expected, abs=2e-6)
    assert loss.from_counts(80, 20, 10) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(("weights", "expected"), [((0.3, 0.7), 0.193538), ((0.7, 0.3), 0.226792)])
def test_probabilities_count_softly(weights, expected):
    # TP 1.5, FN 0.5, FP 0.3
    assert loss_of(TverskyLoss(*weights), SOFT_TRUTH, SOFT) == pytest.approx(expected, abs=1e-6)


def test_the_weight_in_the_settings_is_that_of_false_positives():
    loss = TverskyLoss.from_settings(OptimiserSettings(false_positive_weight=0.7))
    assert loss_of(loss, TRUTH, CERTAIN) == pytest.approx(0.139785, abs=2e-6)


def test_the_settings_weights_sum_to_one_and_their_gamma_is_kept():
    loss = TverskyLoss.from_settings(OptimiserSettings(false_positive_weight=0.3, focal_gamma=1.5))
    assert (loss.false_negative_weight, loss.false_positive_weight, loss.focal_gamma) == (0.7, 0.3, 1.5)


def test_epsilon_stands_beside_what_was_found():
    # 0.5 (2 + 1) wrong, 3 found, epsilon 0.5: 1.5 / 5.
    assert TverskyLoss(0.5, 0.5, epsilon=0.5).from_counts(3, 2, 1) == pytest.approx(0.3)


def test_a_batch_counts_as_one_whatever_its_shape():
    loss = TverskyLoss(0.3, 0.7)
    grid = loss(SOFT_TRUTH.reshape(2, 2, 1, 1), SOFT.reshape(2, 2, 1, 1))
    assert float(grid) == pytest.approx(0.193538, abs=1e-6)
    assert float(loss(SOFT_TRUTH.reshape(1, 2, 2), SOFT.reshape(1, 2, 2, 1))) == float(grid)


def test_unobserved_pixels_do_not_count():
    loss = TverskyLoss(0.3, 0.7)
    truth, probability = np.append(SOFT_TRUTH, [255, 255]).astype(np.uint8), np.append(SOFT, [1, 0]).astype(np.float32)
    assert loss_of(loss, truth, probability) == loss_of(loss, SOFT_TRUTH, SOFT)


@pytest.mark.parametrize("gamma", [1.0, 4 / 3])
def test_nothing_to_find_and_nothing_found_costs_nothing(gamma):
    assert loss_of(TverskyLoss(0.3, 0.7, gamma), np.zeros(4, np.uint8), np.zeros(4, np.float32)) == 0


def test_wrong_throughout_costs_one():
    assert loss_of(TverskyLoss(0.3, 0.7), SOFT_TRUTH, 1 - SOFT_TRUTH.astype(np.float32)) == pytest.approx(1, abs=1e-4)


def test_focal_loss_is_a_power_of_one_over_gamma():
    focal = TverskyLoss(0.3, 0.7, focal_gamma=4 / 3)
    assert loss_of(focal, TRUTH, CERTAIN) == pytest.approx(0.1397849**0.75, abs=1e-5)
    assert loss_of(focal, TRUTH, CERTAIN) > loss_of(TverskyLoss(0.3, 0.7), TRUTH, CERTAIN)


def test_a_gamma_below_one_makes_small_losses_smaller():
    assert TverskyLoss(0.5, 0.5, focal_gamma=0.5, epsilon=0.0).from_counts(3, 2, 0) == pytest.approx(0.25**2)


def test_the_focal_loss_goes_straight_to_zero_from_a_millionth_on():
    # A root of 1e-6^(3/4) at 1e-6, and a thousandth of that at a thousandth of it.
    focal = TverskyLoss(1.0, 1.0, focal_gamma=4 / 3, epsilon=0.0)
    assert focal.from_counts(1e6, 1, 0) == pytest.approx(1e-6**0.75, rel=1e-3)
    assert focal.from_counts(1e9, 1, 0) == pytest.approx(1e-6**0.75 / 1000, rel=1e-3)


@pytest.mark.parametrize("gamma", [1.0, 4 / 3])
@pytest.mark.parametrize("truth", [np.zeros(4), np.array([1, 0, 0, 0])])
def test_the_slope_pushes_background_down_also_where_there_is_no_landslide(gamma, truth):
    slope = _slope(TverskyLoss(0.3, 0.7, gamma), truth, np.array([0.5, 0.5, 0.5, 0.5]))
    assert (slope[truth == 0] > 0).all()
    assert (slope[truth == 1] < 0).all()


def test_the_slope_of_a_perfect_answer_is_a_number():
    assert np.isfinite(_slope(TverskyLoss(0.3, 0.7, 4 / 3), np.zeros(4), np.zeros(4))).all()
    assert np.isfinite(_slope(TverskyLoss(0.3, 0.7, 4 / 3), np.ones(4), np.ones(4))).all()


def test_a_loss_comes_back_from_its_configuration():
    loss = TverskyLoss(0.2, 0.8, focal_gamma=1.5, epsilon=1e-3)
    back = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(back, TverskyLoss)
    assert back.get_config() == loss.get_config()
    assert loss_of(back, SOFT_TRUTH, SOFT) == loss_of(loss, SOFT_TRUTH, SOFT)


def _slope(loss, truth, probability):
    """By the weights of a layer that is nothing but the probabilities."""
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("slopes are taken with TensorFlow")
    variable = tf.Variable(probability, dtype=tf.float32)
    with tf.GradientTape() as tape:
        value = loss(truth.astype(np.uint8), variable)
    return tape.gradient(value, variable).numpy()


def test_dice_and_cross_entropy_add_up():
    # Dice: TP 1.5, FN 0.5, FP 0.3: 1 - 3 / 3.8. Cross-entropy: -(ln 0.9 + ln 0.6 + ln 0.8 + ln 0.9) / 4.
    expected = 0.8 / 3.8 + -np.log([0.9, 0.6, 0.8, 0.9]).mean()
    assert loss_of(DiceCrossEntropyLoss(), SOFT_TRUTH, SOFT) == pytest.approx(expected, abs=2e-5)


def test_landslide_weighs_more_in_the_cross_entropy_if_wanted():
    expected = 0.8 / 3.8 + -(np.log([0.9, 0.6]).sum() * 3 + np.log([0.8, 0.9]).sum()) / 8
    assert loss_of(DiceCrossEntropyLoss(3.0), SOFT_TRUTH, SOFT) == pytest.approx(expected, abs=2e-5)


def test_one_pixel_alone_is_its_own_mean():
    # Dice: TP 0.5, FN 0.5: 0.25 / 0.75. Cross-entropy: -ln 0.5.
    one, half = np.array([1], np.uint8), np.array([0.5], np.float32)
    assert loss_of(DiceCrossEntropyLoss(), one, half) == pytest.approx(1 / 3 + np.log(2), abs=1e-4)


def sigmoid(logits):
    return (1 / (1 + np.exp(-np.array(logits, dtype=np.float64)))).astype(np.float32)


def test_the_lovasz_hinge_weighs_errors_by_what_they_cost_in_iou():
    # Errors 1 - s x logit: landslide 2, -1 (0.0); background 1.5, 0.5. Sorted: 2 (landslide), 1.5, 0.5 (background), 0.
    # The IoU lost after each: 1 - 1/2, 1 - 1/3, 1 - 1/4: rises of 1/2, 1/6, 1/12.
    truth, probability = np.array([1, 1, 0, 0], np.uint8), sigmoid([-1.0, 2.0, 0.5, -0.5])
    expected = 2.0 / 2 + 1.5 / 6 + 0.5 / 12
    assert loss_of(LovaszHingeLoss(), truth, probability) == pytest.approx(expected, abs=1e-5)


def test_the_lovasz_hinge_of_certain_errors_of_one_size_is_one_less_iou_times_that_size():
    # All wrong pixels at an error of 3, all right ones at 0: TP 80, FN 20, FP 10: IoU 80/110.
    probability = sigmoid(np.where(CERTAIN == 1, 2.0, -2.0))
    assert loss_of(LovaszHingeLoss(), TRUTH, probability) == pytest.approx(3 * (1 - 80 / 110), abs=1e-4)


def test_without_landslides_the_worst_pixel_alone_counts():
    assert loss_of(LovaszHingeLoss(), np.zeros(3, np.uint8), sigmoid([0.5, 0.0, -3.0])) == pytest.approx(1.5, abs=1e-5)


OTHERS = [DiceCrossEntropyLoss(), DiceCrossEntropyLoss(3.0), LovaszHingeLoss()]


@pytest.mark.parametrize("loss", OTHERS, ids=lambda loss: loss.name)
def test_unobserved_pixels_count_in_no_loss(loss):
    truth, probability = np.append(SOFT_TRUTH, [255, 255]).astype(np.uint8), np.append(SOFT, [1, 0]).astype(np.float32)
    assert loss_of(loss, truth, probability) == pytest.approx(loss_of(loss, SOFT_TRUTH, SOFT), abs=1e-6)
    slope = _slope(loss, truth, probability)
    assert (slope[4:] == 0).all()
    assert (slope[:2] <= 0).all()  # the hinge has none where a pixel is surely right
    assert slope[1] < 0
    unseen = np.full(4, 255, np.uint8)
    assert loss_of(loss, unseen, SOFT) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(_slope(loss, unseen, SOFT)).all()


@pytest.mark.parametrize("loss", OTHERS, ids=lambda loss: loss.name)
def test_other_losses_have_slopes_at_the_ends_and_come_back_from_their_configuration(loss):
    assert np.isfinite(_slope(loss, SOFT_TRUTH, np.array([0.0, 1.0, 0.0, 1.0]))).all()
    back = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(back) is type(loss)
    assert back.get_config() == loss.get_config()


@pytest.mark.parametrize("loss", [TverskyLoss(0.3, 0.7), *OTHERS], ids=lambda loss: loss.name)
def test_a_set_is_judged_as_one_however_it_is_cut(loss):
    truth, probability = SOFT_TRUTH.reshape(2, 2, 1), SOFT.reshape(2, 2, 1)
    whole = loss.over([(truth, probability)])
    assert loss.over([(truth[:1], probability[:1]), (truth[1:], probability[1:])]) == pytest.approx(whole, abs=1e-6)
    assert whole == pytest.approx(loss_of(loss, SOFT_TRUTH, SOFT), abs=1e-6)


@pytest.mark.parametrize("loss", [TverskyLoss(0.3, 0.7), *OTHERS], ids=lambda loss: loss.name)
def test_a_set_is_judged_without_its_unobserved_pixels(loss):
    truth = np.array([1, 1, 1, 0, 255, 254], dtype=np.uint8)
    probability = np.array([0.9, 0.6, 0.5, 0.2, 0.7, 0.4], dtype=np.float32)
    assert loss.over([(truth, probability)]) == pytest.approx(loss_of(loss, truth[:4], probability[:4]), abs=1e-6)


@pytest.mark.parametrize("loss", [TverskyLoss(0.3, 0.7), DiceCrossEntropyLoss(2.0)], ids=lambda loss: loss.name)
def test_a_soft_label_counts_as_much_as_the_same_share_of_hard_ones(loss):
    # A pixel labelled 0.25 stands for four pixels, one of which is landslide; one labelled 1 for four that are.
    soft = np.array([[0.25, 1.0, 0.0, 255.0]], np.float32)
    hard = np.array([[1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]], np.uint8)
    probability = np.array([[0.6, 0.8, 0.1, 0.9]], np.float32)
    assert loss_of(loss, soft, probability) == pytest.approx(
        loss_of(loss, hard, np.repeat(probability[:, :3], 4, axis=1)), abs=1e-4
    )


@pytest.mark.parametrize("name", ["tversky", "dice_cross_entropy", "lovasz_hinge"])
def test_the_settings_name_the_loss(name):
    assert loss_from_settings(OptimiserSettings(loss=name)).name == name


def test_the_settings_weight_landslides_in_the_cross_entropy():
    loss = loss_from_settings(OptimiserSettings(loss="dice_cross_entropy", landslide_weight=3.0))
    assert loss.get_config()["landslide_weight"] == 3.0
