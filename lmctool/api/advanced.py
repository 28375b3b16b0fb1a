"""What single plugins import beside ``lmctool.api``; a name is loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api.lazy_names import importer

if TYPE_CHECKING:
    from lmctool.checkpoint.adapters import ADAPTER_CONFIG as ADAPTER_CONFIG
    from lmctool.checkpoint.adapters import Adapter as Adapter
    from lmctool.checkpoint.adapters import is_adapter as is_adapter
    from lmctool.checkpoint.adapters import read_adapter as read_adapter
    from lmctool.checkpoint.overlap import Overlap as Overlap
    from lmctool.checkpoint.squared_norms import squared_distance as squared_distance
    from lmctool.checkpoint.squared_norms import squared_norms as squared_norms
    from lmctool.checkpoint.squared_norms import (
        squared_norms_of_weights as squared_norms_of_weights,
    )
    from lmctool.curves.barrier import around as around
    from lmctool.curves.barrier import reference as reference
    from lmctool.curves.bootstrap import interval as interval
    from lmctool.curves.bootstrap import resampled as resampled
    from lmctool.curves.example_table import example_group as example_group
    from lmctool.curves.grid import positions as positions
    from lmctool.curves.partition import partition as partition
    from lmctool.curves.shape import ShapeRule as ShapeRule
    from lmctool.curves.shape import draw_up as draw_up
    from lmctool.curves.shape import shape_options as shape_options
    from lmctool.curves.within import Within as Within
    from lmctool.curves.within import within_option as within_option
    from lmctool.data.images.config import timm_preprocessing as timm_preprocessing
    from lmctool.data.images.pixels import mask_without as mask_without
    from lmctool.data.images.prepared import decoded_image as decoded_image
    from lmctool.data.images.spec import preprocessing_of as preprocessing_of
    from lmctool.data.layout import channel_first as channel_first
    from lmctool.data.layout import one_layout as one_layout
    from lmctool.data.rows import JoinedRows as JoinedRows
    from lmctool.data.rows import MappedRows as MappedRows
    from lmctool.data.split_names import SPLIT_NAMES as SPLIT_NAMES
    from lmctool.data.split_names import split_name as split_name
    from lmctool.data.stored.containers import container_kind as container_kind
    from lmctool.data.stored.containers import stored_arrays as stored_arrays
    from lmctool.data.stored.file_rows import FileRows as FileRows
    from lmctool.data.stored.read_file import UNREADABLE as UNREADABLE
    from lmctool.data.stored.read_file import ReadFile as ReadFile
    from lmctool.data.stored.restricted_pickle import ByteArray as ByteArray
    from lmctool.data.stored.restricted_pickle import read_pickle as read_pickle
    from lmctool.data.stored.stored_array import StoredArray as StoredArray
    from lmctool.data.stored.streamed_rows import StreamedRows as StreamedRows
    from lmctool.data.targets import Targets as Targets
    from lmctool.data.targets import told_apart as told_apart
    from lmctool.data.tokens import IGNORE_INDEX as IGNORE_INDEX
    from lmctool.data.tokens import UNSHIFTED as UNSHIFTED
    from lmctool.data.tokens import refuse_padding as refuse_padding
    from lmctool.data.tokens import token_examples as token_examples
    from lmctool.data.tokens import unshifted as unshifted
    from lmctool.errors import did_you_mean as did_you_mean
    from lmctool.evaluate.arithmetic import exact_products as exact_products
    from lmctool.evaluate.batch_size import indivisible as indivisible
    from lmctool.evaluate.chance import at_chance as at_chance
    from lmctool.evaluate.chance import chance_hint as chance_hint
    from lmctool.evaluate.chance import chance_levels as chance_levels
    from lmctool.evaluate.chance import majority_error as majority_error
    from lmctool.evaluate.chance import majority_loss as majority_loss
    from lmctool.evaluate.class_answers import class_answers as class_answers
    from lmctool.evaluate.class_answers import class_logits as class_logits
    from lmctool.files.input_files import check_input as check_input
    from lmctool.files.short_names import letters as letters
    from lmctool.files.short_names import short_names as short_names
    from lmctool.files.untrusted import most_unpacked as most_unpacked
    from lmctool.graph.targets import Target as Target
    from lmctool.plugin.library import import_library as import_library
    from lmctool.plugin.library import library_model as library_model
    from lmctool.plugin.library import may_load_files as may_load_files
    from lmctool.plugin.library import refuse_file_arguments as refuse_file_arguments
    from lmctool.plugin.parameters import ResultFile as ResultFile
    from lmctool.plugin.parameters import SeriesFolder as SeriesFolder
    from lmctool.plugin.settings import Series as Series
    from lmctool.report.bars import bars_height as bars_height
    from lmctool.report.bars import draw_bars as draw_bars
    from lmctool.report.bars import draw_scores as draw_scores
    from lmctool.report.bars import name_rows as name_rows
    from lmctool.report.bars import row_bars as row_bars
    from lmctool.report.bars import row_share as row_share
    from lmctool.report.ends import checkpoint_names as checkpoint_names
    from lmctool.report.ends import end_names as end_names
    from lmctool.report.ends import end_titles as end_titles
    from lmctool.report.ends import file_titles as file_titles
    from lmctool.report.ends import path_label as path_label
    from lmctool.report.look import Look as Look
    from lmctool.report.look import looks as looks
    from lmctool.report.look import named_parts as named_parts
    from lmctool.report.look import part_looks as part_looks
    from lmctool.report.panels import legend_above as legend_above
    from lmctool.report.panels import legend_below as legend_below
    from lmctool.report.panels import legend_height as legend_height
    from lmctool.report.panels import panel_shape as panel_shape
    from lmctool.report.panels import panels as panels
    from lmctool.report.panels import text_width as text_width
    from lmctool.report.scales import log_axis as log_axis
    from lmctool.report.scales import percent_axis as percent_axis
    from lmctool.report.scales import score_axis as score_axis
    from lmctool.report.shortened import all_shortened as all_shortened
    from lmctool.report.shortened import shortened as shortened
    from lmctool.report.tracked import Tracked as Tracked
    from lmctool.report.tracked import TrackedCurves as TrackedCurves
    from lmctool.report.tracked import sparingly as sparingly
    from lmctool.report.tracked import tracked as tracked
    from lmctool.report.tracked import tracked_names as tracked_names
    from lmctool.results.aggregate.statistics import Statistics as Statistics
    from lmctool.results.aggregate.statistics import statistics as statistics
    from lmctool.results.best import best as best
    from lmctool.results.bounds import bounds as bounds
    from lmctool.results.bounds import declared_bounds as declared_bounds
    from lmctool.results.rounding import SHARE as SHARE
    from lmctool.results.rounding import slack as slack
    from lmctool.results.score_metric import DeclaredScores as DeclaredScores
    from lmctool.results.score_metric import fall_notes as fall_notes
    from lmctool.results.table import Mark as Mark
    from lmctool.results.text import percent as percent
    from lmctool.run.growing import Growing as Growing
    from lmctool.run.growing import Sampled as Sampled
    from lmctool.run.parted_examples import PartedExamples as PartedExamples
    from lmctool.run.parted_examples import parted_examples as parted_examples
    from lmctool.run.repair import correctable as correctable
    from lmctool.run.repair import corrected as corrected
    from lmctool.run.repair import goal as goal
    from lmctool.run.repair import predicted as predicted
    from lmctool.run.repair import renormalised_merge as renormalised_merge
    from lmctool.run.repair import renormalised_outputs as renormalised_outputs
    from lmctool.run.repair import renormalised_path as renormalised_path
    from lmctool.run.repair import target_option as target_option
    from lmctool.run.share_group import share_attributes as share_attributes
    from lmctool.run.share_group import share_group as share_group
    from lmctool.run.share_group import share_notes as share_notes
    from lmctool.statistics import CrossMoments as CrossMoments
    from lmctool.statistics import Moments as Moments
    from lmctool.statistics import PairedMoments as PairedMoments
    from lmctool.symmetry import Proof as Proof
    from lmctool.symmetry.axis_form import AxisForm as AxisForm
    from lmctool.symmetry.common_frame import CommonFrame as CommonFrame
    from lmctool.symmetry.common_frame import common_frame as common_frame
    from lmctool.symmetry.common_frame import cycle_displacement as cycle_displacement
    from lmctool.symmetry.linear.place import Place as Place
    from lmctool.symmetry.linear.spec import LinearGroup as LinearGroup
    from lmctool.symmetry.linear.transform import across_ones as across_ones
    from lmctool.symmetry.linear.transform import act as act
    from lmctool.symmetry.linear.transform import factors as factors
    from lmctool.symmetry.linear.transform import identity_map as identity_map
    from lmctool.symmetry.linear.transform import permutation_part as permutation_part
    from lmctool.symmetry.linear.transform import rotations as rotations
    from lmctool.symmetry.linear.transform import turned as turned
    from lmctool.symmetry.matching import assignment as assignment
    from lmctool.symmetry.matching import origins as origins
    from lmctool.symmetry.soft_permutation import SoftPermutation as SoftPermutation
    from lmctool.symmetry.soft_permutation import permutation_matrices as permutation_matrices
    from lmctool.symmetry.spec import Tap as Tap
    from lmctool.symmetry.unit_index import UnitIndex as UnitIndex
    from lmctool.weights.arithmetic import LazyWeights as LazyWeights
    from lmctool.weights.arithmetic import differing as differing
    from lmctool.weights.arithmetic import one_by_one as one_by_one
    from lmctool.weights.arithmetic import refuse_differing as refuse_differing
    from lmctool.weights.mean import mean_tensor as mean_tensor
    from lmctool.weights.mean import weighted_mean as weighted_mean
    from lmctool.weights.name_words import nearest_names as nearest_names
    from lmctool.weights.name_words import numbered as numbered
    from lmctool.weights.name_words import selected_names as selected_names
    from lmctool.weights.partwise import Partwise as Partwise
    from lmctool.weights.recipe import derived as derived
    from lmctool.weights.spectral_norm import following as following
    from lmctool.weights.spectral_norm import spectral_norms as spectral_norms
    from lmctool.weights.spectral_norm import with_spectral_norms as with_spectral_norms
    from lmctool.weights.task_vectors import added as added
    from lmctool.weights.task_vectors import disjoint_mean as disjoint_mean
    from lmctool.weights.task_vectors import summed as summed
    from lmctool.weights.task_vectors import task_vector as task_vector

MODULES = {
    "lmctool.files.short_names": "letters short_names",
    "lmctool.checkpoint.adapters": "ADAPTER_CONFIG Adapter is_adapter read_adapter",
    "lmctool.checkpoint.overlap": "Overlap",
    "lmctool.checkpoint.squared_norms": "squared_distance squared_norms squared_norms_of_weights",
    "lmctool.curves.barrier": "around reference",
    "lmctool.curves.bootstrap": "interval resampled",
    "lmctool.curves.example_table": "example_group",
    "lmctool.curves.grid": "positions",
    "lmctool.curves.partition": "partition",
    "lmctool.curves.shape": "ShapeRule draw_up shape_options",
    "lmctool.curves.within": "Within within_option",
    "lmctool.data.stored.containers": "container_kind stored_arrays",
    "lmctool.data.stored.file_rows": "FileRows",
    "lmctool.data.stored.read_file": "UNREADABLE ReadFile",
    "lmctool.data.images.config": "timm_preprocessing",
    "lmctool.data.images.pixels": "mask_without",
    "lmctool.data.images.spec": "preprocessing_of",
    "lmctool.data.images.prepared": "decoded_image",
    "lmctool.data.layout": "channel_first one_layout",
    "lmctool.data.stored.restricted_pickle": "ByteArray read_pickle",
    "lmctool.data.rows": "JoinedRows MappedRows",
    "lmctool.data.split_names": "SPLIT_NAMES split_name",
    "lmctool.data.stored.stored_array": "StoredArray",
    "lmctool.data.stored.streamed_rows": "StreamedRows",
    "lmctool.data.targets": "Targets told_apart",
    "lmctool.data.tokens": "IGNORE_INDEX UNSHIFTED refuse_padding token_examples unshifted",
    "lmctool.errors": "did_you_mean",
    "lmctool.evaluate.arithmetic": "exact_products",
    "lmctool.evaluate.batch_size": "indivisible",
    "lmctool.evaluate.chance": "at_chance chance_hint chance_levels majority_error majority_loss",
    "lmctool.evaluate.class_answers": "class_answers class_logits",
    "lmctool.files.input_files": "check_input",
    "lmctool.files.untrusted": "most_unpacked",
    "lmctool.graph.targets": "Target",
    "lmctool.plugin.library": "import_library library_model may_load_files refuse_file_arguments",
    "lmctool.plugin.parameters": "ResultFile SeriesFolder",
    "lmctool.plugin.settings": "Series",
    "lmctool.report.bars": "bars_height draw_bars draw_scores name_rows row_bars row_share",
    "lmctool.report.ends": "checkpoint_names end_names end_titles file_titles path_label",
    "lmctool.report.look": "Look looks named_parts part_looks",
    "lmctool.report.panels": (
        "legend_above legend_below legend_height panel_shape panels text_width"
    ),
    "lmctool.report.scales": "log_axis percent_axis score_axis",
    "lmctool.report.shortened": "all_shortened shortened",
    "lmctool.report.tracked": "Tracked TrackedCurves sparingly tracked tracked_names",
    "lmctool.results.aggregate.statistics": "Statistics statistics",
    "lmctool.results.best": "best",
    "lmctool.results.bounds": "bounds declared_bounds",
    "lmctool.results.rounding": "SHARE slack",
    "lmctool.results.score_metric": "DeclaredScores fall_notes",
    "lmctool.results.table": "Mark",
    "lmctool.results.text": "percent",
    "lmctool.run.growing": "Growing Sampled",
    "lmctool.run.parted_examples": "PartedExamples parted_examples",
    "lmctool.run.repair": "correctable corrected goal predicted renormalised_merge"
    " renormalised_outputs renormalised_path target_option",
    "lmctool.statistics": "CrossMoments Moments PairedMoments",
    "lmctool.run.share_group": "share_attributes share_group share_notes",
    "lmctool.symmetry": "Proof",
    "lmctool.symmetry.axis_form": "AxisForm",
    "lmctool.symmetry.common_frame": "CommonFrame common_frame cycle_displacement",
    "lmctool.symmetry.linear.place": "Place",
    "lmctool.symmetry.linear.spec": "LinearGroup",
    "lmctool.symmetry.linear.transform": "act across_ones factors identity_map"
    " permutation_part rotations turned",
    "lmctool.symmetry.matching": "assignment origins",
    "lmctool.symmetry.soft_permutation": "SoftPermutation permutation_matrices",
    "lmctool.symmetry.spec": "Tap",
    "lmctool.symmetry.unit_index": "UnitIndex",
    "lmctool.weights.arithmetic": "LazyWeights differing one_by_one refuse_differing",
    "lmctool.weights.mean": "mean_tensor weighted_mean",
    "lmctool.weights.name_words": "nearest_names numbered selected_names",
    "lmctool.weights.partwise": "Partwise",
    "lmctool.weights.recipe": "derived",
    "lmctool.weights.spectral_norm": "following spectral_norms with_spectral_norms",
    "lmctool.weights.task_vectors": "added disjoint_mean summed task_vector",
}
"""The public names of each module, which type checkers read from the imports above."""

__all__ = sorted(name for names in MODULES.values() for name in names.split())

if not TYPE_CHECKING:  # so that a type checker reports a name that is not public
    __getattr__ = importer(__name__, MODULES)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
