import type { Thread } from './thread.ts'

/** Today and yesterday, at the top of the first page. */
export const latest: Thread[] = [
  {
    by: 'mateo',
    when: '9m',
    body: 'Test kitchen report: roasted pears with black pepper work. Roasted pears with white pepper taste like a museum.',
    likes: 4,
    comments: [['quinn', 'Which museum, though?']],
  },
  {
    by: 'wren',
    when: '26m',
    body: 'A kingfisher on the canal, between the lock and the supermarket. Blue like something switched on.\n\nNobody else looked up. I have now told everyone at the bus stop.',
    likes: 15,
    comments: [
      ['nia', 'The lock by the old mill? I walk there twice a week and have never been so lucky.'],
      ['wren', 'That one! Sit on the second bench and pretend to be a bag.'],
      ['sami', 'Going tomorrow with the long lens and low expectations.'],
    ],
  },
  {
    by: 'ann',
    when: '52m',
    body: 'Two rye loaves too many, as usual. They are on the bench outside number 9, in the blue tin. First come, first fed. 🍞',
    likes: 11,
    comments: [
      ['lena', 'The dog says thank you. I say: the dog got there first.'],
      ['ben', 'One left!'],
      ['ann', 'Then somebody was quick. Next batch on Thursday.'],
      ['jonas', 'Can I order by shouting from the window?'],
      ['ann', 'You already do, Jonas.'],
      ['ben', 'None left. No regrets.'],
      ['viktor', 'I came for bread and was given a tin of crumbs and a conversation. Fair trade.'],
    ],
  },
  {
    by: 'uma',
    when: '2h',
    body: 'Exam passed. I have no idea how, and I think neither does the examiner. 🎉',
    likes: 19,
    comments: [
      ['farah', 'Never doubted it for a second. Well done!'],
      ['priya', 'Congratulations! The confusion only gets more interesting from here.'],
      ['goran', 'Telescope is yours for the weekend, as promised.'],
      ['uma', 'Thank you all. I’m going to sleep until the semester ends.'],
      ['hana', 'Bravo!! 👏'],
      ['oskar', 'I shall play something in your honour. You have been warned.'],
    ],
  },
  {
    by: 'kofi',
    when: '4h',
    body: 'New episode is out: eleven minutes of a swing door in a hospital canteen, and what the people going through it were thinking about.\n\nhttps://radio.example.org/doors/17',
    likes: 8,
    comments: [['dmitri', 'I know that door. I have carried so much soup through it.']],
  },
  {
    by: 'elif',
    when: '6h',
    body: 'Plot 14 update: the leeks survived the frost, the fence did not. If anyone has a spare post and an hour on Saturday, I pay in leeks.',
    likes: 7,
    comments: [
      ['jonas', 'I have three posts and a drill. See you at ten?'],
      ['elif', 'You’re a hero. Bring a bag, there are a lot of leeks.'],
    ],
  },
  {
    by: 'rosa',
    when: '1d 19:20',
    body: 'Index has learned to sit on whichever book a customer is about to pick up. Sales of cat food are up, sales of poetry are down.',
    likes: 17,
    comments: [
      ['carla', 'I drew her on Tuesday! Sitting on the atlas like a small continent.'],
      ['yuki', 'Perhaps she is a critic.'],
      ['rosa', 'She has slept on everything by Hemingway, so yes.'],
    ],
  },
  {
    by: 'oskar',
    when: '1d 16:05',
    body: 'Forty years at sea and the thing I miss is the smell of diesel and coffee at five in the morning. I tried to explain it to my granddaughter.\n\nShe said: “So you miss the bus station.”',
    likes: 21,
    comments: [
      ['ines', 'She isn’t wrong, and neither are you.'],
      ['kofi', 'Would you tell me this again with a microphone on the table?'],
      ['oskar', 'For coffee, yes. You bring the diesel.'],
    ],
  },
  {
    by: 'tove',
    when: '1d 12:40',
    body: 'Finished the second sleeve in the budget meeting. Best quarterly result so far.',
    likes: 9,
  },
  {
    by: 'sami',
    when: '1d 08:10',
    body: 'Laundry line number 400: a single red sock, somewhere above the harbour. It feels like an ending, so naturally I’ll carry on.',
    likes: 12,
    comments: [
      ['carla', 'Please do a book. I’ll draw the pegs.'],
      ['sami', 'Deal. I have been waiting years for someone to take the pegs seriously.'],
    ],
  },
]
