"""What is taken out of the sources, one at a time, and the tests that have to notice it."""

from __future__ import annotations

from dataclasses import dataclass

_LOGIC = "Logic/vistaseg/"
_PANEL = "VistaSegExtension/VistaSeg/VistaSegLib/"


@dataclass(frozen=True)
class Mutation:
    """A mechanism that is taken out.

    Attributes:
        mechanism: what it does, unique in the table.
        file: that has it, from the root of the repository.
        text: of the file, which occurs in it once.
        replacement: takes its place.
        tests: folders, files and `file::function` of tests, below `Testing/Python`.
    """

    mechanism: str
    file: str
    text: str
    replacement: str
    tests: tuple[str, ...]


MUTATIONS = (
    # ---- reading scans
    Mutation(
        "Links to folders are followed",
        _LOGIC + "volume/dicom/folders.py",
        "            (self._linked if self._deep else self._folders).append(path)",
        "            pass",
        ("dicom/test_folders.py",),
    ),
    Mutation(
        "What a walk cannot reach is named",
        _LOGIC + "volume/dicom/folders.py",
        "                self._unreachable.add(path)\n            return",
        "                pass\n            return",
        ("dicom/test_folders.py",),
    ),
    Mutation(
        "An unreadable header value is not an absent one",
        _LOGIC + "volume/dicom/values.py",
        "        return HeaderNumbers(keyword, raw=_text(value))\n    return",
        "        return HeaderNumbers(keyword)\n    return",
        ("dicom/test_header_values.py", "dicom/test_bounds.py"),
    ),
    Mutation(
        "Each slice has a rescale of its own",
        _LOGIC + "volume/dicom/pixels.py",
        "        slope, intercept = rescales[k]",
        "        slope, intercept = rescales[0]",
        ("dicom/test_header_values.py", "dicom/test_stacks.py", "volume/test_dicom.py"),
    ),
    Mutation(
        "Half a rescale is refused",
        _LOGIC + "volume/dicom/placement.py",
        "            if one.is_absent and not other.is_absent:",
        "            if False:",
        ("dicom/test_header_values.py",),
    ),
    Mutation(
        "Padding is air",
        _LOGIC + "volume/dicom/pixels.py",
        "        marks.replace(ordered[k], stored, values)",
        "        pass",
        ("dicom/test_header_values.py", "volume/test_dicom.py", "dicom/test_stacks.py"),
    ),
    Mutation(
        "Of sform and qform the one that ITK takes",
        _LOGIC + "volume/nifti_forms.py",
        "    name = _as_itk_chooses(header, forms, shape)",
        '    name = "sform"',
        ("volume/test_nifti_forms.py", "volume/test_nifti.py", "volume/test_from_arrays.py"),
    ),
    Mutation(
        "Two places in a NIfTI header are told",
        _LOGIC + "volume/nifti_forms.py",
        "    return matrix, (*_disagreement(header, forms, name, apart), *notes)",
        "    return matrix, notes",
        (
            "volume/test_nifti_forms.py",
            "volume/test_nifti.py",
            "volume/test_from_arrays.py",
            "cli/test_info_command.py",
        ),
    ),
    Mutation(
        "Volume.from_array knows the order of axes",
        _LOGIC + "volume/volume.py",
        '        ordered = values.transpose(2, 1, 0) if axes == "ijk" else values',
        "        ordered = values",
        ("volume/test_from_arrays.py", "volume/test_volume.py"),
    ),
    # ---- bounds, before memory is taken
    Mutation(
        "Bound: frames against the file",
        _LOGIC + "volume/dicom/headers.py",
        "            reason = implausible_frames(header, path.stat().st_size)",
        "            reason = None",
        ("dicom/test_bounds.py",),
    ),
    Mutation(
        "Bound: inflated DICOM",
        _LOGIC + "volume/dicom/inflating.py",
        "            if len(self._content) > self._limit:",
        "            if False:",
        ("dicom/test_bounds.py",),
    ),
    Mutation(
        "Bound: voxels that a header promises",
        _LOGIC + "volume/limits.py",
        "    if promised > available * ratio:",
        "    if False:",
        (
            "volume/test_itk_files.py",
            "segmentation/test_seg_nrrd.py::test_a_mask_whose_header_promises_gigabytes_is_refused",
            "volume/test_nifti.py::test_a_file_that_was_cut_off_says_so",
            "volume/test_nifti.py::test_eight_promised_gigabytes_are_not_taken_for_a_megabyte_of_data",
        ),
    ),
    Mutation(
        "Bound: packed masks in sessions",
        _LOGIC + "session/saved.py",
        "    if not _inflates_to(bits, -(-box.size // 8)):",
        "    if False:",
        ("session/test_histories.py",),
    ),
    Mutation(
        "Bound: depth of JSON",
        _LOGIC + "bounded_json.py",
        "    _check_depth(text)\n    values",
        "    values",
        (
            "test_bounded_json.py",
            "segmentation/test_seg_nrrd.py::test_a_key_that_is_nested_deep_or_too_large_a_number_is_one_message",
            "weights/test_folder.py",
            "cli/test_wrong_kinds.py::test_a_file_of_the_wrong_kind_is_one_message_and_its_exit_code",
        ),
    ),
    Mutation(
        "Bound: wrappers around weights",
        _LOGIC + "weights/checkpoint.py",
        "    for _ in range(MAX_WRAPPERS + 1):",
        "    while True:",
        ("weights/test_checkpoint.py",),
    ),
    Mutation(
        "Bound: length of names",
        _LOGIC + "catalog/words.py",
        "    if len(name) > LONGEST_NAME:",
        "    if False:",
        (
            "catalog/test_parsing.py",
            "session/test_routing.py",
            "cli/test_wrong_kinds.py::test_a_name_without_end_is_refused_at_once_with_the_limit",
        ),
    ),
    Mutation(
        "Bound: lines of headers",
        _LOGIC + "volume/itk_header.py",
        '        if len(line) > LONGEST_LINE or b"\\0" in line:',
        "        if False:",
        (
            "volume/test_itk_headers.py::test_a_line_that_is_too_long_is_refused_before_itk",
            "volume/test_itk_headers.py::test_a_line_of_a_metaimage_that_is_too_long_is_refused_before_itk",
            "segmentation/test_seg_nrrd.py::test_a_header_of_endless_lines_or_of_two_truths_is_refused_at_once",
        ),
    ),
    # ---- text that goes out
    Mutation(
        "Text is escaped on its way out",
        _LOGIC + "escaping.py",
        "    if text.isprintable():",
        "    if True:",
        (
            "test_escaping.py",
            "cli/test_console.py",
        ),
    ),
    Mutation(
        "A pipe of any encoding takes the text",
        _LOGIC + "cli/console.py",
        '            reconfigure(errors="backslashreplace")',
        "            pass",
        ("cli/test_console.py",),
    ),
    Mutation(
        "No spreadsheet runs a cell",
        _LOGIC + "escaping.py",
        '    return f"\'{cell}" if _FORMULA.match(cell) else cell',
        "    return cell",
        (
            "test_escaping.py",
            "cli/test_console.py",
        ),
    ),
    # ---- the command line
    Mutation(
        "An empty name is no folder",
        _LOGIC + "cli/options.py",
        "    if not text:",
        "    if False:",
        (
            "cli/test_bad_usage.py::test_an_empty_name_of_a_file_is_wrong_use_and_not_the_current_folder",
            "cli/test_bad_usage.py::test_an_empty_place_for_results_is_wrong_use_and_nothing_is_written",
            "cli/test_bad_usage.py::test_the_folder_in_use_is_named_by_a_point_and_not_by_nothing",
        ),
    ),
    Mutation(
        "An export is tried before the work",
        _LOGIC + "dicom/preconditions.py",
        '    trial = Segment("trial", 1, None, (128, 128, 128), None, BoxedMask.of(np.ones((1, 1, 1))))',
        "    return",
        (
            "cli/test_dicom_seg_command.py::test_what_stops_a_dicom_output_is_said_before_a_model_is_loaded",
            "cli/test_dicom_seg_command.py::test_a_study_of_a_cohort_that_cannot_be_exported_fails_before_it_is_segmented",
            "dicom/test_seg_mended.py::test_what_stops_an_export_is_found_before_there_is_anything_to_export",
        ),
    ),
    Mutation(
        "A result is kept when its export fails",
        _LOGIC + "cli/results.py",
        "        place = _keep(segmentation, output)",
        "        place = None",
        (
            "cli/test_dicom_seg_command.py::test_a_result_is_kept_after_an_error_that_no_one_foresaw",
            "cli/test_dicom_seg_command.py::test_a_result_whose_picture_fails_is_kept",
            "cli/test_dicom_seg_command.py::test_a_result_that_cannot_be_exported_is_kept_and_the_message_says_where",
        ),
    ),
    Mutation(
        "The command line marks what is worth a look",
        _LOGIC + "cli/report.py",
        "    found, place = segment_findings(segment, segmentation.grid), place_of(segment, segmentation.grid)",
        "    found, place = [], place_of(segment, segmentation.grid)",
        ("cli/test_marks.py",),
    ),
    Mutation(
        "Places in LPS",
        _LOGIC + "cli/places.py",
        '    return [(-x, -y, z) for x, y, z in points] if space == "lps" else list(points)',
        "    return list(points)",
        (
            "cli/test_places.py::test_a_click_is_at_the_same_place_in_all_three_spellings",
            "cli/test_places.py::test_a_box_is_the_same_in_all_three_spellings",
            "cli/test_places.py::test_a_click_outside_is_told_where_the_scan_lies",
            "cli/test_places.py::test_a_region_and_a_click_are_the_same_in_all_three_spellings_in_a_whole_run",
        ),
    ),
    Mutation(
        "Places in voxels",
        _LOGIC + "cli/places.py",
        "        values = grid.index_to_ras(points).tolist()",
        "        values = list(points)",
        (
            "cli/test_places.py::test_a_click_is_at_the_same_place_in_all_three_spellings",
            "cli/test_places.py::test_a_box_is_the_same_in_all_three_spellings",
            "cli/test_places.py::test_a_box_in_voxels_holds_the_voxels_from_corner_to_corner_and_no_more",
            "cli/test_places.py::test_an_oblique_scan_warns_that_a_box_in_voxels_runs_along_the_patient",
        ),
    ),
    Mutation(
        "A place outside the scan is refused before weights are read",
        _LOGIC + "cli/places.py",
        "        require_inside(prompt, grid)",
        "        pass",
        ("cli/test_places.py",),
    ),
    # ---- Slicer
    Mutation(
        "The lattice of a segmentation grows to hold the volume",
        _LOGIC + "mrml/reference.py",
        "    box = lattice.box.union(volume)",
        "    box = lattice.box",
        ("mrml", "extension/test_two_scans.py"),
    ),
    Mutation(
        "Another volume has its own segmentation",
        _PANEL + "SegmentationOfVolume.py",
        "        if before != self._volumeId and not _isFor(segmentation, volume, isFirst=not before):",
        "        if False:",
        ("extension/test_two_scans.py",),
    ),
    Mutation(
        "Undo takes back its own step alone",
        _LOGIC + "mrml/steps.py",
        "        touched = _touched(place, parts)",
        "        touched = []",
        ("mrml/test_steps.py", "extension/test_panel_and_editor.py", "workspace/test_editing_between.py"),
    ),
    Mutation(
        "One prompt is one step",
        _LOGIC + "workspace/answering.py",
        "        now != prompts,\n    )",
        "        False,\n    )",
        (
            "workspace/test_prompts.py",
            "extension/interactive/test_prompts.py",
        ),
    ),
    Mutation(
        "Letters act only over a slice view",
        _PANEL + "Shortcuts.py",
        "            shortcut.setEnabled(enabled)",
        "            shortcut.setEnabled(True)",
        ("extension/interactive/test_shortcuts.py",),
    ),
    Mutation(
        "A prompt in views of another scan is refused",
        _LOGIC + "mrml/views.py",
        "    if not shown or volume_node in shown:",
        "    if True:",
        (
            "extension/test_two_scans.py",
            "extension/effect/test_prompts_in_views.py",
        ),
    ),
    Mutation(
        "A rerun keeps the segments that it replaces, and the choice",
        _LOGIC + "workspace/automatic.py",
        "    replaced = _superseded(segmentation_node, made, earlier)",
        "    replaced: dict[int, str] = {}",
        (
            "workspace/test_automatic.py",
            "extension/test_automatic_section.py",
        ),
    ),
    Mutation(
        "An export into the database is whole or not there",
        _PANEL + "DatabaseInsertion.py",
        "            remove_series(database, self._files)",
        "            pass",
        ("extension/test_export.py",),
    ),
    Mutation(
        "Files that are written together appear together",
        _LOGIC + "io/commit.py",
        "                move_all(moves)",
        "                [_move_alone(move) for move in moves]",
        ("io/test_files.py", "io/test_staging.py", "io/test_kills.py", "dicom/test_delivery.py"),
    ),
    Mutation(
        "What a killed commit moved is put back",
        _LOGIC + "io/journal.py",
        '            _put_back(record.parent, content["steps"])',
        "            pass",
        ("io/test_kills.py", "weights/test_left_over.py"),
    ),
    Mutation(
        "A table is not believed of another file than it was written for",
        _LOGIC + "segmentation/table.py",
        'return "sha256" not in entry or sha256_of(path) == entry["sha256"]',
        "return True",
        ("segmentation/test_label_files.py", "io/test_kills.py"),
    ),
    Mutation(
        "What living processes use is no litter",
        _LOGIC + "io/owner.py",
        "        return start is None or _UNKNOWN not in (start, owner.start) and start != owner.start",
        "        return True",
        ("io/test_locks.py", "weights/test_left_over.py"),
    ),
    Mutation(
        "SIGTERM and SIGHUP clean up",
        _LOGIC + "cli/main.py",
        "        signal.signal(number, interrupt)",
        "        pass",
        ("cli/test_interruption.py",),
    ),
    Mutation(
        "What is replaced keeps its mode",
        _LOGIC + "io/files.py",
        "    os.chmod(staged, found.st_mode & 0o7777)",
        "    pass",
        ("io/test_places.py", "cli/test_segment_command.py::test_a_result_keeps_the_mode_of_the_one_that_it_replaces"),
    ),
    Mutation(
        "The range of intensities holds on the voxels of the segmentation",
        _LOGIC + "mrml/editing.py",
        "            voxels[~in_range(",
        "            voxels[False & ~in_range(",
        ("mrml/test_intensities.py", "mrml/test_editing.py", "extension/effect/test_rules_of_the_editor.py"),
    ),
    Mutation(
        "Segments that are surfaces are refused or converted",
        _LOGIC + "mrml/converting.py",
        "    if not has_labelmaps(segmentation_node):\n        raise",
        "    if False:\n        raise",
        ("mrml", "workspace/test_workspace.py", "extension/interactive/test_segments.py", "extension/test_stories.py"),
    ),
    Mutation(
        "What was moved against its scan is refused",
        _LOGIC + "mrml/placement.py",
        "    if not is_moved:\n        return\n",
        "    return\n",
        ("workspace/test_moved_volumes.py",),
    ),
    Mutation(
        "Segments drawn by hand are known to have been moved",
        _LOGIC + "mrml/placement.py",
        "return is_beside_its_scan(volume_node, segmentation_node) and",
        "return False and",
        ("workspace/test_moved_volumes.py",),
    ),
    Mutation(
        "Prompts follow a transform that is hardened",
        _LOGIC + "workspace/memory.py",
        "    if not _alike(there, ijk_to_ras):\n        return None\n",
        "    return document\n",
        ("workspace/test_moved_volumes.py", "extension/interactive/test_markers.py", "workspace/test_saved_scenes.py"),
    ),
    # ---- as published
    Mutation(
        "Padding belongs to the entry of the weights",
        _LOGIC + "models/registry.py",
        "    padding = entry_for(key).padding if key in PREFERRED else None",
        "    padding = None",
        ("models/test_recipes.py", "doctor", "session/test_recipes.py"),
    ),
    Mutation(
        "Windows are padded by the rule",
        _LOGIC + "models/vista3d/windows.py",
        'mode="constant" if padding == "zero" else "replicate")',
        'mode="constant")',
        (
            "models/vista3d/test_windows.py",
            "models/vista3d/test_parity.py::test_scans_shorter_than_a_window_are_padded_as_either_published_pipeline_does",
            "doctor/test_doctor.py",
        ),
    ),
    Mutation(
        "The place of a click is not rounded",
        _LOGIC + "models/vista3d/clicking.py",
        "        if not self._exact:",
        "        if True:",
        (
            "models/vista3d/test_published_places.py",
            "models/test_recipes.py",
        ),
    ),
    Mutation(
        "A known organ is not something new",
        _LOGIC + "models/vista3d/clicking.py",
        "            return ClickTarget(supported=question.known_organ)",
        "            return ClickTarget(supported=False)",
        ("models/vista3d/test_published_places.py",),
    ),
    Mutation(
        "Clicks merge by the published rule where that is chosen",
        _LOGIC + "models/vista3d/interactive.py",
        '        self._published = merging == "published"',
        "        self._published = False",
        ("models/vista3d/test_published_merging.py",),
    ),
    Mutation(
        "SegVol's box is the published one",
        _LOGIC + "models/segvol/preprocessing.py",
        '        if self.box == "shown":',
        "        if False:",
        (
            "models/segvol/test_preprocessing.py::test_corners_of_solid_boxes_are_those_of_the_published_box",
            "models/segvol/test_preprocessing.py::test_sessions_of_the_first_versions_keep_their_box",
            "models/segvol/test_preprocessing.py::test_corners_around_organs_differ_by_few_voxels_from_the_published_box",
            "models/segvol/test_preprocessing.py::test_the_network_is_asked_with_voxels_that_show_the_box_and_no_others",
        ),
    ),
    Mutation(
        "A window of air is encoded where labels of the body depend on it",
        _LOGIC + "models/vista3d/features.py",
        '    return only_air and not (recipe.air == "scan" and image.labels_tissue(window))',
        "    return only_air",
        ("models/vista3d/test_air_windows.py",),
    ),
    Mutation(
        "A session is replayed under its own rules or refused",
        _LOGIC + "session/saved.py",
        "        _require_recipe(recipe_of(document, key), engines.model(key))",
        "        pass",
        (
            "session/test_recipes.py",
            "cli/test_refine.py",
        ),
    ),
    Mutation(
        "Sessions name their rules and version",
        _LOGIC + "session/saved.py",
        '        "recipe": identity.recipe.as_dict(),\n',
        "",
        ("session/test_recipes.py",),
    ),
    # ---- the doctor
    Mutation(
        "Doctor: weights are compared with their entry",
        _LOGIC + "doctor/installed.py",
        "    if thorough:\n        yield _tensors(entry, found)",
        "    if False:\n        yield _tensors(entry, found)",
        (
            "doctor/test_doctor.py",
            "cli/test_doctor_command.py",
        ),
    ),
    Mutation(
        "Doctor: a window is computed, and its padding compared",
        _LOGIC + "doctor/examining.py",
        "            yield from window_checks(model, published_padding(key))",
        "            pass",
        (
            "doctor/test_doctor.py",
            "cli/test_doctor_command.py",
        ),
    ),
    Mutation(
        "Doctor: a CT is segmented, its counts and sides told",
        _LOGIC + "doctor/examining.py",
        "                yield from record_checks(model, ct, progress)",
        "                pass",
        (
            "doctor/test_doctor.py",
            "cli/test_doctor_command.py",
        ),
    ),
)
