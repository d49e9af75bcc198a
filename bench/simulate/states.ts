/** Subscriptions and sessions. Immutable, because each row of the log refers to those of its commit. */
export interface RightsState {
  /** The feeds of each user. */
  readonly feeds: ReadonlyMap<number, ReadonlySet<number>>
  /** The user of each active session. */
  readonly sessions: ReadonlyMap<string, number>
  readonly endedSessions: ReadonlySet<string>
  /** `seq` of the last change of a user's subscriptions. */
  readonly changedAt: ReadonlyMap<number, number>
}

export interface CommentState {
  id: number
  author: number
  body: string
}

/** A post after one row of the log. */
export interface PostState {
  readonly seq: number
  /** Null if it is deleted. */
  readonly body: string | null
  readonly comments: readonly CommentState[]
}

export interface Post {
  readonly id: number
  readonly author: number
  /** The private group's feed; null for a public post. */
  readonly group: number | null
  versions: PostState[]
}

export const PUBLIC_FEED = 1
/** Feeds of private groups; user `n` owns feed `100 + n`. */
export const GROUP_FEEDS = [51, 52]
export const feedOf = (user: number): number => 100 + user
export const isPrivate = (feed: number): boolean => GROUP_FEEDS.includes(feed)

/** The state that the log describes (posts, comments, subscriptions, sessions), and the writes that change it. */
export abstract class LogStates {
  posts = new Map<number, Post>()
  rights: RightsState = {
    feeds: new Map(),
    sessions: new Map(),
    endedSessions: new Set(),
    changedAt: new Map(),
  }
  #ids = 1000
  #groups = new Map<number, number | null>()

  abstract commit(event: string, topics: string[], payload: Record<string, unknown>, foreign?: number): number
  protected abstract nextSeq(): number

  /** Also for a post that is deleted or lost. */
  groupOfPost(id: number): number | null {
    return this.#groups.get(id) ?? null
  }

  newId(): number {
    return ++this.#ids
  }

  addUser(user: number, session: string): void {
    this.rights = {
      ...this.rights,
      feeds: new Map(this.rights.feeds).set(user, new Set([feedOf(user)])),
      sessions: new Map(this.rights.sessions).set(session, user),
    }
  }

  /** Signs in, which writes no row of the log. */
  addSession(user: number, session: string): void {
    this.rights = { ...this.rights, sessions: new Map(this.rights.sessions).set(session, user) }
  }

  isSubscribed(user: number, feed: number, rights = this.rights): boolean {
    return rights.feeds.get(user)?.has(feed) ?? false
  }

  subscribe(user: number, feed: number, wanted: boolean): void {
    if (this.isSubscribed(user, feed) === wanted) return
    const feeds = new Set(this.rights.feeds.get(user))
    if (wanted) feeds.add(feed)
    else feeds.delete(feed)
    this.rights = {
      ...this.rights,
      feeds: new Map(this.rights.feeds).set(user, feeds),
      changedAt: new Map(this.rights.changedAt).set(user, this.nextSeq()),
    }
    this.commit('subscription', [`user:${user}`], { action: wanted ? 'made' : 'ended', feed: String(feed) })
  }

  endSession(session: string): void {
    const user = this.rights.sessions.get(session)
    if (user === undefined) return
    const sessions = new Map(this.rights.sessions)
    sessions.delete(session)
    const endedSessions = new Set(this.rights.endedSessions).add(session)
    this.rights = { ...this.rights, sessions, endedSessions }
    this.commit('session', [`user:${user}`], { action: 'ended', session })
  }

  renameUser(user: number): void {
    this.commit('user', ['all'], { id: String(user), name: `user ${this.newId()}` })
  }

  addPost(author: number, group: number | null, filler: string): Post {
    const post: Post = { id: this.newId(), author, group, versions: [] }
    this.posts.set(post.id, post)
    this.#groups.set(post.id, group)
    this.#change(post, 'post', { action: 'created' }, { body: `p${post.id}.${this.newId()} ${filler}` })
    return post
  }

  editPost(post: Post): void {
    this.#change(post, 'post', { action: 'edited' }, { body: `p${post.id}.${this.newId()} ` })
  }

  deletePost(post: Post): void {
    const topics = topicsOf(post)
    post.versions.push({ seq: this.nextSeq(), body: null, comments: [] })
    const entries = feedsOf(post).map((feed) => ({ feed: String(feed), removed: true }))
    this.commit('post', topics, { action: 'deleted', post: { id: String(post.id) }, entries })
  }

  addComment(post: Post, author: number): void {
    const id = this.newId()
    const comment = { id, author, body: `c${id}.${this.newId()}` }
    this.#change(
      post,
      'comment',
      { action: 'created', comment: view(comment) },
      {
        comments: [...stateOf(post)!.comments, comment],
      },
    )
  }

  editComment(post: Post, id: number): void {
    const edited = { ...stateOf(post)!.comments.find((comment) => comment.id === id)! }
    edited.body = `c${id}.${this.newId()}`
    const comments = stateOf(post)!.comments.map((comment) => (comment.id === id ? edited : comment))
    this.#change(post, 'comment', { action: 'edited', comment: view(edited) }, { comments })
  }

  deleteComment(post: Post, id: number): void {
    const before = topicsOf(post)
    const comments = stateOf(post)!.comments.filter((comment) => comment.id !== id)
    this.#change(post, 'comment', { action: 'deleted', comment: { id: String(id) } }, { comments }, before)
  }

  #change(
    post: Post,
    event: string,
    facts: Record<string, unknown>,
    changed: Partial<PostState>,
    topicsBefore: string[] = [],
  ): void {
    const last = stateOf(post) ?? { body: '', comments: [] }
    const state = { ...last, ...changed, seq: this.nextSeq() }
    post.versions.push(state)
    const topics = topicsOf(post)
    const ended = topicsBefore.filter((topic) => !topics.includes(topic))
    this.commit(event, [...topics.slice(0, -1), ...ended, topics.at(-1)!], {
      ...facts,
      post: cardOf(post, state),
      entries: ended.map((topic) => ({ feed: topic.slice('feed:'.length), removed: true })),
    })
  }

  protected restore(seq: number, rights: RightsState | undefined): void {
    for (const post of this.posts.values()) {
      post.versions = post.versions.filter((version) => version.seq <= seq)
      if (post.versions.length === 0) this.posts.delete(post.id)
    }
    if (rights) this.rights = rights
  }
}

export function stateOf(post: Post): PostState | undefined {
  return post.versions.at(-1)
}

function feedsOf({ author, group, versions }: Post): number[] {
  if (group !== null) return [group]
  const commenters = versions.at(-1)?.comments.map((comment) => comment.author) ?? []
  return [...new Set([PUBLIC_FEED, feedOf(author), ...commenters.map(feedOf)])].sort((a, b) => a - b)
}

function topicsOf(post: Post): string[] {
  return [...feedsOf(post).map((feed) => `feed:${feed}`), `post:${post.id}`]
}

function cardOf(post: Post, { body, comments }: PostState): Record<string, unknown> {
  const shown = comments.length <= 5 ? comments : [comments[0]!, ...comments.slice(-2)]
  return { id: String(post.id), body, comments: shown.map(view) }
}

function view({ id, body }: CommentState): { id: string; body: string } {
  return { id: String(id), body }
}
