/** The first words of the tools: actions of the command line. Apart from the catalogue, which a start does not need. */
export const TOOL_GROUPS = ['log', 'snapshot', 'export', 'backup', 'restore'] as const;
