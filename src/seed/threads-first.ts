import type { Thread } from './thread.ts'

/** Seven to thirteen days ago. */
export const first: Thread[] = [
  {
    by: 'nia',
    when: '7d 07:30',
    body: 'Frost on the hill, sun behind it, tea in hand. That’s it, that’s the post. ☕',
    likes: 12,
  },
  {
    by: 'jonas',
    when: '7d 14:10',
    body: 'The table is finished. It took eleven weeks, two new saw blades and one long talk about whether we need a table.\n\nWe do. It has four legs, and as of today they are all the same length.',
    likes: 17,
    comments: [
      ['lena', 'And how many of us fit around it?'],
      ['jonas', 'Eight, or six and the dog.'],
      ['viktor', 'Solid ash? Keep it away from the radiator. I’m serious.'],
    ],
  },
  {
    by: 'mateo',
    when: '8d 11:00',
    body: 'How to make a kitchen quiet: put a tray of hot cinnamon rolls in the middle and leave.',
    likes: 11,
  },
  {
    by: 'uma',
    when: '8d 19:35',
    body: 'Things I understood this week:\n1. Entropy (briefly)\n2. Why the laundry room is always warm\n3. That 1 and 2 are the same thing',
    likes: 13,
    comments: [
      ['priya', 'Number 3 is a better thesis than mine was.'],
      ['sami', 'Laundry! At last, my field.'],
    ],
  },
  {
    by: 'rosa',
    when: '9d 09:15',
    body: 'A customer asked for “that green book from the window, two years ago”. Reader, I had it.',
    likes: 18,
    comments: [
      ['hana', 'Librarians everywhere just felt a breeze.'],
      ['yuki', 'Which one was it?'],
      ['rosa', 'A field guide to mosses. It was always going to be the mosses.'],
    ],
  },
  {
    by: 'elif',
    when: '9d 20:40',
    body: 'Wrote a script that tells me when to water the greenhouse. It took four hours and says “yes” every day. The source, if you’d like to water things as well: https://code.example.org/elif/thirsty',
    likes: 9,
    comments: [
      ['ben', 'Does it take patches? Mine would say “tomorrow”.'],
      ['elif', 'Tomorrow is planned for version 2.'],
    ],
  },
  {
    by: 'tove',
    when: '10d 13:20',
    body: 'Whoever designed wool that changes colour by itself: I love you. Whoever washed it at 60 degrees: we live together, so I’ll be brief.',
    likes: 10,
  },
  {
    by: 'ann',
    when: '10d 17:50',
    body: 'Ran five kilometres without stopping! A woman with a pram overtook me twice, but still.',
    likes: 20,
    comments: [
      ['nia', 'The pram does intervals. Don’t compare yourself to the pram.'],
      ['lena', 'It may have been me. I was late for everything.'],
      ['ann', 'Lena!! I thought I knew that coat.'],
    ],
  },
  {
    by: 'wren',
    when: '11d 08:05',
    body: 'Bird count at the feeder, one hour:\n\n🐦 9 sparrows\n🐦 4 great tits\n🐦 2 robins, not on speaking terms\n🐿️ 1 squirrel, who insists on being counted',
    likes: 14,
    comments: [['goran', 'The squirrel has a point.']],
  },
  {
    by: 'kofi',
    when: '11d 21:00',
    body: 'Does anyone have a door that squeaks in an interesting way? Asking for the next season. I bring cake and very good microphones.',
    likes: 7,
    comments: [
      ['quinn', 'The theatre’s trapdoor sounds like an old man remembering something.'],
      ['kofi', 'When can I come?'],
      ['ben', 'Mine did until I oiled it. I’m so sorry.'],
      ['rosa', 'The shop’s back door says “Tuesday”. Everyone hears it.'],
      ['kofi', 'I was there today. It does say Tuesday. On a Thursday!'],
      ['carla', 'Our garden gate does a passable seagull.'],
    ],
  },
  {
    by: 'farah',
    when: '12d 15:30',
    body: 'Found in the back of a school atlas from 1953: a pressed violet, a tram ticket, and in very small letters, “geography is far too big”.',
    likes: 19,
    comments: [['carla', 'May I draw that? Exactly as you wrote it.']],
  },
  {
    by: 'priya',
    when: '12d 09:00',
    body: 'Small statistics of my street: 3 of 4 cats prefer the warm bonnet of the red car. The fourth owns the red car.',
    likes: 15,
  },
  {
    by: 'oskar',
    when: '13d 18:45',
    body: 'Accordion lesson three. My teacher asks that I practise “further from the wall”. Which wall? “All of them.”',
    likes: 16,
    comments: [
      ['viktor', 'I’d happily look at the reeds for you.'],
      ['oskar', 'The reeds are innocent. It’s me.'],
    ],
  },
  {
    by: 'sami',
    when: '13d 07:25',
    body: 'Hello! I’m the one who stands under your balcony with a camera. It’s only about the laundry. Promise.',
    likes: 8,
    comments: [['yuki', 'Welcome! Please warn me before the striped pyjamas are out.']],
  },
]
