import { compareIds } from '../../shared/ids.ts'
import { createConnection } from './connection.ts'
import { createStatusLine } from './status-line.ts'
import { watchLock, type FromPage, type Port, type ServerEvent, type ToPage } from './messages.ts'

/** The server takes 50 pages in `?with=`, besides the page of the path. */
const MAX_PAGES = 51
/** Numbers of the log. A tab that is further behind fetches its state: a replay would send all of it to every tab. */
const MAX_BEHIND = 5000
/** Events that a tab has not read. Beyond this number, it gets none until it has read most of them, and then joins again. */
const MAX_UNREAD = 1000
/** Tabs that join within this time need only one new stream. */
const JOIN_MS = 20

type TabPort = Port<ToPage, FromPage>

interface Tab {
  port: TabPort
  page: string
  /** The last event that was sent to it. */
  cursor: string
  unread: number
}

/**
 * One stream for all tabs of one person in this browser. It shows the pages of all tabs, and each tab ignores the events
 * of other pages. `viewer` is the id of the person; empty for an anonymous visitor.
 */
export function createJointStream(viewer: string) {
  const tabs = new Map<TabPort, Tab>()
  /** Tabs that do not read. They get no events, and their pages do not count. */
  const stalled = new Map<TabPort, Tab>()
  /** The pages of the open stream. It may show more pages than the tabs do. */
  let shown: string[] = []
  /** Events up to this number have been sent by the open stream. */
  let position = ''
  let hasEvents = false
  let openTimer: ReturnType<typeof setTimeout> | undefined

  const status = createStatusLine()
  const connection = createConnection({
    address,
    onEvent,
    onState(state) {
      status.setState(state)
      for (const { port } of [...tabs.values(), ...stalled.values()]) sendState(port)
    },
    onClock: status.setClock,
    onRefused,
  })

  /** The stream starts after the cursor of the tab that is furthest behind. The other tabs ignore what they have. */
  function address(): string {
    shown = [...new Set([...tabs.values()].map(({ page }) => page))].sort()
    position = cursors()[0] ?? '0'
    hasEvents = false
    // The home page is the empty text, so it is the first.
    const [path = '', ...others] = shown
    const parameters = new URLSearchParams(others.map((page) => ['with', page]))
    if (viewer) parameters.set('as', viewer)
    parameters.set('after', position)
    return `${path && '/'}${path}/stream?${parameters}`
  }

  function cursors(): string[] {
    return [...tabs.values()].map(({ cursor }) => cursor).sort(compareIds)
  }

  function newest(): string {
    return cursors().at(-1) ?? position
  }

  function receive(port: TabPort, message: FromPage): void {
    if (message.kind === 'join') join({ port, page: message.page, cursor: message.after, unread: 0 })
    else if (message.kind === 'leave') leave(port)
    else if (message.kind === 'wake') wake(port, message.reconnect)
    else if (message.kind === 'read') read(port, message.count)
    // A tab that crashes does not leave.
    else watchLock(message, () => leave(port))
  }

  function join(tab: Tab): void {
    const pages = new Set([...tabs.values(), tab].map(({ page }) => page))
    if (pages.size > MAX_PAGES) return tab.port.send({ kind: 'full' })
    const isAlone = tabs.size === 0
    const last = newest()
    tabs.set(tab.port, tab)
    sendState(tab.port)
    if (!isAlone && Number(last) - Number(tab.cursor) > MAX_BEHIND) reset(tab, last)
    if (isAlone) connection.open()
    else if (!connection.isOpen() || !shown.includes(tab.page) || compareIds(tab.cursor, position) < 0) {
      openTimer ??= setTimeout(reopen, JOIN_MS)
    }
  }

  function reopen(): void {
    openTimer = undefined
    if (tabs.size > 0) connection.open()
  }

  function leave(port: TabPort): void {
    stalled.delete(port)
    if (tabs.delete(port) && tabs.size === 0) connection.close()
  }

  /** The answer shows the tab that the worker is alive. */
  function wake(port: TabPort, reconnect: boolean): void {
    connection.wake(reconnect)
    sendState(port)
  }

  function read(port: TabPort, count: number): void {
    const tab = tabs.get(port) ?? stalled.get(port)
    if (!tab) return
    tab.unread -= count
    if (!stalled.has(port) || tab.unread > MAX_UNREAD / 2) return
    stalled.delete(port)
    join(tab)
  }

  function onEvent(event: ServerEvent): void {
    const isFirst = !hasEvents
    hasEvents = true
    if (event.name === 'gone') return onGone(event)
    if (event.name === 'reset') return onReset(event, isFirst)
    if (compareIds(event.id, position) > 0) position = event.id
    status.note(event)
    for (const tab of tabs.values()) {
      if (compareIds(event.id, tab.cursor) > 0) send(tab, event)
    }
  }

  /**
   * The stream may have started with a reset because the cursor of one tab is too old. Then the other tabs are still
   * current: only those behind them fetch their state, and the stream opens again where the others are.
   */
  function onReset({ id }: ServerEvent, isFirst: boolean): void {
    const last = newest()
    const late = [...tabs.values()].filter(({ cursor }) => compareIds(cursor, last) < 0)
    if (isFirst && late.length > 0) {
      for (const tab of late) reset(tab, last)
      connection.open()
    } else {
      position = id
      for (const tab of tabs.values()) reset(tab, id)
    }
  }

  /** Makes a tab fetch its state, which then contains everything up to `id`. */
  function reset(tab: Tab, id: string): void {
    send(tab, { name: 'reset', id, data: '{}' })
  }

  function onGone({ data }: ServerEvent): void {
    const { page } = JSON.parse(data) as { page: string }
    refuse(page, 404)
    if (tabs.size === 0) connection.close()
  }

  /** 404 concerns the page of the path. The other pages get another stream. */
  function onRefused(status: number): void {
    if (status === 404) refuse(shown[0] ?? '', status)
    else for (const page of shown) refuse(page, status)
    if (tabs.size > 0) connection.open()
  }

  function refuse(page: string, status: number): void {
    for (const [port, tab] of tabs) {
      if (tab.page !== page) continue
      tabs.delete(port)
      port.send({ kind: 'refused', status })
    }
  }

  function sendState(port: TabPort): void {
    port.send({ kind: 'state', state: connection.state(), line: status.text() })
  }

  function send(tab: Tab, event: ServerEvent): void {
    tab.cursor = event.id
    tab.port.send({ kind: 'event', line: status.text(), ...event })
    tab.unread += 1
    if (tab.unread <= MAX_UNREAD) return
    tabs.delete(tab.port)
    stalled.set(tab.port, tab)
    if (tabs.size === 0) connection.close()
  }

  return {
    /** Serves a tab that sends its messages to this port. */
    add(port: TabPort): void {
      port.listen((message) => receive(port, message))
    },
  }
}

/** The stream of one page, in the page itself: for a browser without shared workers. */
export function openOwnStream(viewer: string): Port<FromPage, ToPage> {
  let toPage: (message: ToPage) => void = () => {}
  let toStream: (message: FromPage) => void = () => {}
  createJointStream(viewer).add({
    send: (message) => toPage(message),
    listen: (receive) => (toStream = receive),
    close() {},
  })
  return { send: (message) => toStream(message), listen: (receive) => (toPage = receive), close() {} }
}
