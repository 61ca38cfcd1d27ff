// Opens a study in OHIF, loads its segmentation, and writes what the viewer shows: names and colours of the segments,
// and for each slice and segment the number of voxels and the sums of their columns and rows.
//
// node viewer.mjs ADDRESS STUDY_UID OUT.json OUT.png     (playwright-core beside it or in NODE_PATH; Debian's chromium)
import { createRequire } from 'module';
import { writeFileSync } from 'fs';
const { chromium } = createRequire(process.env.PLAYWRIGHT ?? import.meta.url)('playwright-core');

const [address, study, json, png] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
});
const page = await browser.newPage({ viewport: { width: 1300, height: 800 } });
const problems = [];
page.on('pageerror', (error) => problems.push(String(error).slice(0, 300)));
page.on('response', (answer) => answer.status() >= 400 && problems.push(`HTTP ${answer.status()} ${answer.url()}`));

try {
  await page.goto(`${address}/segmentation?StudyInstanceUIDs=${study}`);
  await page.addStyleTag({ content: '.shepherd-modal-overlay-container,.shepherd-element{display:none!important}' });
  const thumbnail = page.locator('[data-cy="study-browser-thumbnail-no-image"]', { hasText: /^\s*SEG/ }).first();
  await thumbnail.waitFor({ timeout: 60000 });
  await thumbnail.dblclick();
  const yes = page.getByRole('button', { name: 'Yes', exact: true });
  await yes.waitFor({ timeout: 60000 });
  await yes.click();
  await page.waitForFunction(() => document.querySelectorAll('[data-cy="data-row"]').length > 0, null, { timeout: 60000 });
} catch (error) {
  await page.screenshot({ path: png });
  console.error(problems.join('\n'));
  throw error;
}

const shown = await page.evaluate(() => window.cornerstoneTools.segmentation.state.getSegmentations().map((segmentation) => {
  const labelmap = segmentation.representationData.Labelmap;
  const maps = Object.values(labelmap.labelmaps ?? {});
  const ids = [...new Set([labelmap, ...maps].flatMap((map) => map.imageIds ?? []))];
  const slices = ids.map((id) => window.cornerstone.cache.getImage(id)).filter(Boolean).map((image) => {
    const voxels = image.getPixelData ? image.getPixelData() : image.voxelManager.getScalarData();
    const sums = {};
    voxels.forEach((value, index) => {
      if (!value) return;
      const sum = (sums[value] ??= [0, 0, 0]);
      sum[0] += 1;
      sum[1] += index % image.width;
      sum[2] += Math.floor(index / image.width);
    });
    return { image: image.referencedImageId ?? '', sums };
  });
  const { state } = window.cornerstoneTools.segmentation;
  const viewport = state.getViewportIdsWithSegmentation(segmentation.segmentationId)[0];
  const segments = Object.values(segmentation.segments).filter(Boolean).map((segment) => ({
    index: segment.segmentIndex,
    name: segment.label,
    color: viewport === undefined ? null : [...window.cornerstoneTools.segmentation.config.color.getSegmentIndexColor(
      viewport, segmentation.segmentationId, segment.segmentIndex)].slice(0, 3),
  }));
  return { segments, slices };
}));
const rows = await page.evaluate(() =>
  [...document.querySelectorAll('[data-cy="data-row"]')].map((row) => row.innerText.split('\n').filter((text) => isNaN(text)).join(' ')));
await page.waitForTimeout(3000); // until the masks are drawn
await page.screenshot({ path: png });
writeFileSync(json, JSON.stringify({ rows, shown, problems }));
await browser.close();
