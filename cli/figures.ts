/** What `irnn reproduce` knows. Here, because help shows it where the experiments themselves are not, too. */
export const FIGURES = ['pixel-mnist', 'permuted-mnist', 'adding', 'timit', 'words'] as const

/** All of them. */
export const ALL = 'all'
