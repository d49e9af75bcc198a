export interface DemoPerson {
  username: string
  name: string
  bio: string
}

export const people: DemoPerson[] = [
  ['ann', 'Ann Lindqvist', 'Bakes more bread than the house can eat. Neighbour, aunt, slow runner.'],
  ['ben', 'Ben Okafor', 'Bicycles, mostly other people’s. Repair café every second Saturday.'],
  ['carla', 'Carla Mendes', 'Illustrator. Draws what the day leaves on the table.'],
  ['dmitri', 'Dmitri Volkov', 'Night shift nurse, day shift sleeper. Chess by post.'],
  ['elif', 'Elif Aydın', 'Software by day, allotment by evening. 🌱 Plot 14.'],
  ['farah', 'Farah Siddiqui', 'History teacher. Will show you the old tram map without being asked.'],
  ['goran', 'Goran Petrović', 'Amateur astronomer under very amateur skies.'],
  ['hana', 'Hana Novák', 'Choir alto, library card number 00417.'],
  ['ines', 'Inês Carvalho', 'Marine biologist, usually damp.'],
  ['jonas', 'Jonas Weber', 'Builds furniture in a cellar. Measures twice, cuts twice.'],
  ['kofi', 'Kofi Mensah', 'Radio producer. Collects the sounds of doors.'],
  ['lena', 'Lena Fischer', 'Two kids, one dog, no plan.'],
  ['mateo', 'Mateo Ruiz', 'Cooks for a living and then again at home.'],
  ['nia', 'Nia Roberts', 'Hill walker, map folder, tea carrier.'],
  ['oskar', 'Oskar Nyström', 'Retired ferry captain. Learning the accordion. Sorry.'],
  ['priya', 'Priya Raman', 'Statistics, crosswords, filter coffee.'],
  ['quinn', 'Quinn Doyle', 'Puppeteer. Yes, that is a job.'],
  ['rosa', 'Rosa Bianchi', 'Runs the corner bookshop. The cat is called Index.'],
  ['sami', 'Sami Haddad', 'Photographs laundry lines in every town.'],
  ['tove', 'Tove Halvorsen', 'Knits in meetings.'],
  ['uma', 'Uma Castellanos', 'Physics student. Currently confused at a higher level.'],
  ['viktor', 'Viktor Horváth', 'Fixes pianos. Has opinions about humidity.'],
  ['wren', 'Wren Hartley', 'Birds. It was always going to be birds.'],
  ['yuki', 'Yuki Tanaka', 'Translator between three languages and one stubborn printer.'],
].map(([username = '', name = '', bio = '']) => ({ username, name, bio }))

export interface DemoGroup {
  name: string
  title: string
  description: string
  visibility: 'public' | 'private'
  members: string[]
}

export const groups: DemoGroup[] = [
  {
    name: 'sunday_walks',
    title: 'Sunday walks',
    description: 'Somewhere green, rarely further than fifteen kilometres, always with a stop for cake.',
    visibility: 'public',
    members: ['nia', 'ann', 'wren', 'oskar', 'lena', 'sami', 'goran', 'hana', 'priya', 'ben', 'tove'],
  },
  {
    name: 'page_turners',
    title: 'Page turners',
    description: 'Our reading circle: one book a month, the back room of the shop, no homework.',
    visibility: 'private',
    members: ['rosa', 'hana', 'ann', 'farah', 'yuki', 'dmitri', 'uma'],
  },
]
