// OHIF's settings for the tests: one archive, below /dicom-web of the same address.
const archive = {
  friendlyName: 'archive',
  name: 'archive',
  qidoRoot: '/dicom-web',
  wadoRoot: '/dicom-web',
  wadoUriRoot: '/dicom-web',
  imageRendering: 'wadors',
  thumbnailRendering: 'wadors',
  qidoSupportsIncludeField: false,
  supportsReject: false,
  supportsFuzzyMatching: false,
  supportsWildcard: true,
  enableStudyLazyLoad: true,
  singlepart: 'bulkdata,video,pdf',
  acceptHeader: ['multipart/related; type=application/octet-stream; transfer-syntax=*'],
  bulkDataURI: { enabled: true, relativeResolution: 'studies' },
};
window.config = {
  routerBasename: '/',
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 1,
  showCPUFallbackMessage: false,
  showWarningMessageForCrossOrigin: false,
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'archive',
  dataSources: [
    { namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'archive', configuration: archive },
  ],
};
